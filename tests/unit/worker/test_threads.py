"""Threads for consumers: time limits that start with what they limit, and threads that never come back."""

from __future__ import annotations

import asyncio
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from switchboard.testing.waiting import await_until
from switchboard.time_limits import lift_time_limit
from switchboard.worker.threads import NotStarted, ThreadPool, TimeLimit, TimeLimitExceeded

#: Seconds that no test waits for, and a limit that is soon over.
LONG, SOON = 60.0, 0.05


def plainly(function: Callable[[], Any]) -> Any:
    return function()


def pool(threads: int) -> ThreadPool:
    return ThreadPool(threads, "test", plainly)


@contextmanager
def gate() -> Iterator[threading.Event]:
    """Opened at the end, whatever happens: nothing waits at it for ever."""
    event = threading.Event()
    try:
        yield event
    finally:
        event.set()


async def test_what_a_function_returns_and_raises_comes_back() -> None:
    assert await pool(1).run(lambda: 42, LONG) == 42
    with pytest.raises(ZeroDivisionError):
        await pool(1).run(lambda: 1 / 0, LONG)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await pool(1).run(lambda: next(iter(())), LONG)


async def test_a_stuck_thread_is_told_with_its_stack() -> None:
    with gate() as release:

        def wait_for_the_gate() -> None:
            release.wait(20)

        with pytest.raises(TimeLimitExceeded) as exceeded:
            await pool(1).run(wait_for_the_gate, SOON)
        where = traceback.format_tb(exceeded.value.position)
        assert any("in wait_for_the_gate" in step for step in where[:-1]) and "release.wait" not in where[0]


async def test_what_waits_for_a_stuck_thread_does_not_begin_and_what_runs_beside_it_finishes() -> None:
    threads, begun = pool(2), []
    with gate() as stuck, gate() as slow:
        hangs = asyncio.create_task(threads.run(lambda: stuck.wait(20), SOON))
        runs = asyncio.create_task(threads.run(lambda: slow.wait(20), LONG))
        waits = [asyncio.create_task(threads.run(lambda: begun.append(1), LONG)) for _ in range(5)]
        with pytest.raises(TimeLimitExceeded):
            await hangs
        for task in waits:
            with pytest.raises(NotStarted):
                await task
        with pytest.raises(NotStarted):
            await threads.run(lambda: begun.append(1), LONG)
        slow.set()
        assert await runs is True
    assert begun == []


async def test_a_thread_is_free_when_its_function_has_returned_not_when_nobody_waits_any_more() -> None:
    threads, begun = pool(1), threading.Event()
    with gate() as release:

        def wait() -> None:
            begun.set()
            release.wait(20)

        cancelled = asyncio.create_task(threads.run(wait, LONG))
        await await_until(begun.is_set, "it to begin")
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        following = asyncio.create_task(threads.run(lambda: 42, LONG))
        await asyncio.sleep(0)
        assert not following.done()
        release.set()
        assert await following == 42


async def test_a_timeout_of_the_functions_own_passes_through() -> None:
    def impatient() -> None:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        await pool(1).run(impatient, LONG)
    with pytest.raises(TimeoutError, match="its own"):
        async with TimeLimit(LONG):
            raise TimeoutError("its own")


async def test_a_limit_that_was_lifted_does_not_end_anything() -> None:
    def answer() -> str:
        lift_time_limit()
        time.sleep(1.5)  # longer than the limit: time is what this is about
        return "at last"

    assert await pool(1).run(answer, 1.0) == "at last"


def test_without_a_limit_there_is_nothing_to_lift() -> None:
    lift_time_limit()
