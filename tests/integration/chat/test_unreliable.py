"""The chat in resilience mode: the very same tests, while the layer often gives a worker no answer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

#: They count what is harmless to happen again (lines in the log, runs of a consumer), or take a message by hand.
NOT_MEANT = (
    "test_the_channel_of_our_own",
    "test_who_connects_gets_all_that_is_stored_from_then_on",
    "test_a_disconnect_that_is_reported_twice_or_of_nobody_is_harmless",
)


@pytest.mark.timeout(450)
def test_the_consumers_hold_on_an_unreliable_layer() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["--ds=tests.integration.chat.unreliable_settings"]
    command += ["-k", " and ".join(f"not {name}" for name in NOT_MEANT)]
    command += [str(HERE / f"test_{name}.py") for name in ("consumers", "replay", "repair", "presence")]
    run = subprocess.run(command, env=os.environ, capture_output=True, text=True, timeout=400, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert " passed" in run.stdout
