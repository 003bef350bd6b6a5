"""What a log says of something that is away."""

from __future__ import annotations

import logging

import pytest

from switchboard.outages import SAY_EVERY, Outage

logger = logging.getLogger("switchboard.test")


def test_an_outage_is_told_of_at_its_begin_now_and_then_and_at_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="switchboard.test")
    now = 100.0
    outage = Outage(logger, "no inbox yet", clock=lambda: now)
    outage.over()
    for _ in range(50):
        outage.lasts("refused")
        now += SAY_EVERY / 20
    outage.over()
    outage.over()
    outage.lasts("refused again")

    assert [record.getMessage() for record in caplog.records] == [
        "no inbox yet: refused",
        "no inbox yet: refused",
        "no inbox yet: refused",
        f"no inbox yet: over after {2.5 * SAY_EVERY:.1f} s",
        "no inbox yet: refused again",
    ]
