"""A term of the hub: what ends it, and what is said of it then."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from switchboard.exceptions import InboxLost
from switchboard.interface import term
from switchboard.interface.recovery import Hole, Reaped
from switchboard.interface.term import TasksFailed, Term


async def forever() -> None:
    await asyncio.Event().wait()


def failing(error: Exception) -> term.Step:
    async def step() -> None:
        raise error

    return step


@pytest.mark.parametrize(
    ("error", "reaped"), [(Hole("a hole"), False), (Reaped("taken for dead"), True), (InboxLost("interface.x"), True)]
)
async def test_a_doubt_ends_all_of_it(error: Exception, reaped: bool) -> None:
    assert await Term({"one": forever, "other": failing(error)}).run() is reaped


async def test_a_fault_is_logged_and_ends_it_too(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(term, "AWAY_PAUSE", 0)
    assert await Term({"one": forever, "other": failing(RuntimeError("broken on purpose"))}).run() is False
    assert "broken on purpose" in caplog.text
    assert "task other failed" in caplog.text


async def test_faults_that_do_not_stop_are_no_reason_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(term, "AWAY_PAUSE", 0)
    broken = Term({"one": forever, "other": failing(RuntimeError("broken on purpose"))})
    for _ in range(term.MAX_FAILURES - 1):
        await broken.run()
    with pytest.raises(TasksFailed, match="other"):
        await broken.run()


async def test_faults_now_and_then_are_recovered_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(term, "AWAY_PAUSE", 0)
    monkeypatch.setattr(term, "FAILURE_PERIOD", 0)
    broken = Term({"other": failing(RuntimeError("broken on purpose"))})
    for _ in range(2 * term.MAX_FAILURES):
        assert await broken.run() is False


async def test_doubts_are_no_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(term, "AWAY_PAUSE", 0)
    doubtful = Term({"other": failing(Hole("a hole"))})
    for _ in range(2 * term.MAX_FAILURES):
        assert await doubtful.run() is False


async def test_a_step_that_does_not_hear_its_cancellation_is_the_last_one() -> None:
    steps = 0

    async def deaf() -> None:
        nonlocal steps
        steps += 1
        if steps > 1:
            raise RuntimeError("the term is over")
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    await Term({"deaf": deaf, "other": failing(Hole("a hole"))}).run()
    assert steps == 1


async def test_it_may_be_told_to_end_and_begun_again() -> None:
    steps = 0

    async def step() -> None:
        nonlocal steps
        steps += 1
        running.end()

    running = Term({"one": step})
    await running.run()
    await running.run()
    assert steps == 2
