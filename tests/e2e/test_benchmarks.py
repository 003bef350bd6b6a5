"""The benchmarks run, in their smallest size, against our own system; what they then say means nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.systems import Running, Switchboard
from benchmarks.trial import TrialFailed, perform
from switchboard.testing.processes import ROOT

pytestmark = [pytest.mark.redis, pytest.mark.timeout(300)]

BRIEFLY = ("--seconds", "0.5", "--warm-up", "0.1")
#: Where something has to be done within the time that is measured: longer than a busy machine stands still.
LONG_ENOUGH = ("--seconds", "5", "--warm-up", "0.1")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Switchboard(rooms=2, history=5).running(tmp_path_factory.mktemp("benchmarks")) as running:
        yield running


def test_a_closed_loop(running: Running) -> None:
    outcome = perform(running, ["W1", "--members", "10", *LONG_ENOUGH])
    found = outcome.found
    assert found["messages"] > 0
    assert found["latency_ms"]["count"] == len(outcome.latencies) > 0
    assert (found["lost"], found["unexpected"], found["refused"], found["closed"]) == (0, 0, 0, 0)
    assert set(found["cpu_seconds"]) == {"holders", "workers", "redis"}


def test_an_open_loop(running: Running) -> None:
    found = perform(running, ["W3", "--rooms", "2", "--rate", "40", *BRIEFLY]).found
    assert found["lateness_ms"]["count"] > 0
    assert (found["lost"], found["refused"]) == (0, 0)


def test_the_classic_dialect(running: Running) -> None:
    classic = Running("classic", running.holders, running.urls, running.workers, running.redis)
    found = perform(classic, ["W2", "--rooms", "2", "--under-way", "2", *LONG_ENOUGH]).found
    assert found["messages"] > 0
    assert found["lost"] == 0


def test_pages(running: Running) -> None:
    found = perform(running, ["W6", "--connections", "4", *LONG_ENOUGH]).found
    assert found["messages"] > 0
    assert found["refused"] == 0


def test_a_storm(running: Running) -> None:
    found = perform(running, ["W5", "--rooms", "2", "--members", "5"]).found
    assert (found["lost"], found["twice"], found["refused"]) == (0, 0, 0)
    assert 0 < found["last_back_after"] <= found["in_sync_after"]


def test_a_generator_that_fails_is_no_result(running: Running) -> None:
    nowhere = Running("v1", running.holders, ["ws://127.0.0.1:1"], running.workers, running.redis)
    with pytest.raises(TrialFailed):
        perform(nowhere, ["W1", "--members", "1", *BRIEFLY])


def test_the_command(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    command = [sys.executable, "-m", "benchmarks", "W4", "--quick", "--only", "switchboard", "--into", str(file)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert run.returncode == 0, run.stderr
    assert "How it compares" in run.stdout
    [row] = json.loads(file.read_text())["rows"]
    assert (row["workload"], row["system"], row["closed"]) == ("W4", "switchboard", 0)
    assert set(row["kb_each"]["pss"]) == {"holders", "workers", "redis"}


def test_churn() -> None:
    command = [sys.executable, "-m", "benchmarks.churn", "--connections", "90"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    # While the interface warms up its line may rise, and the status is 1 then.
    assert "connections, 0 refused, 0 failed; last third against middle third" in run.stdout, run.stderr
