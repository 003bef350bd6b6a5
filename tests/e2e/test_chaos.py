"""Seconds of what ``make chaos`` does in minutes: nothing that happens to processes is noticed by those who chat."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import SEED
from tests.e2e.chaos import report
from tests.e2e.chaos.faults import schedule
from tests.e2e.chaos.performance import Plan, perform
from tests.e2e.chaos.site import Stage, standing

#: Two minutes on a machine with something else to do; each fault waits until everybody has recovered from it.
pytestmark = [pytest.mark.redis, pytest.mark.timeout(600)]

#: Every mechanism is met, but nothing that is held for half a minute.
FAULTS = {
    **dict.fromkeys(("worker-term", "worker-kill", "consumer-raises", "deadly-message", "storm"), 1),
    **dict.fromkeys(("redis-empty", "redis-old", "interface-kill", "interface-term"), 1),
}


@contextmanager
def stage_in(folder: Path, **shape: float) -> Iterator[Stage]:
    with standing(folder, interfaces=2, workers=2, interface_lease=8.0, **shape) as stage:  # type: ignore[arg-type]
        yield stage


async def test_nothing_is_lost_or_doubled_or_out_of_order(tmp_path: Path) -> None:
    with stage_in(tmp_path) as stage:
        result = await perform(stage, Plan(sockets=40, rate=30, faults=schedule(FAULTS, SEED), seed=SEED))
        assert not result.findings, "\n".join([report.summary(result), *report.findings(result)])
    assert len(result.history.faults) == sum(FAULTS.values())
    assert sum(sent.acked is not None for person in result.history.people for sent in person.sent) > 50


async def test_a_layer_that_fails_now_and_then_harms_nobody(tmp_path: Path) -> None:
    """Resilience mode, for all processes: calls are lost, repeated, delayed and refused."""
    with stage_in(tmp_path, unreliable=0.01) as stage:
        result = await perform(stage, Plan(sockets=20, rate=15, faults=["storm", "worker-term"], seed=SEED))
        assert not result.findings, "\n".join([report.summary(result), *report.findings(result)])
