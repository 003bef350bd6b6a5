"""Threads that detach from their callers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from switchboard.detaching import MAX_WAITING_RATIO, DetachableThreads, detach
from switchboard.testing.waiting import await_until


async def run(threads: DetachableThreads, function: Callable[[], Any]) -> Any:
    return await threads.start(function, lambda: None)


async def test_a_function_returns_and_raises() -> None:
    threads = DetachableThreads(1, "t")
    assert await run(threads, lambda: 42) == 42
    with pytest.raises(ZeroDivisionError):
        await run(threads, lambda: 1 // 0)


def test_elsewhere_there_is_nothing_to_detach_from() -> None:
    assert detach(0)


async def test_a_detached_thread_goes_on_while_others_run() -> None:
    threads, go_on, ended = DetachableThreads(1, "t"), threading.Event(), threading.Event()

    def long() -> None:
        assert detach(0)
        go_on.wait()
        ended.set()

    assert await run(threads, long) is None
    assert await run(threads, lambda: "short") == "short"
    assert not ended.is_set()
    go_on.set()
    await await_until(ended.is_set, "the end")


async def test_so_many_produce_at_once_and_so_many_more_wait() -> None:
    threads, go_on = DetachableThreads(2, "t"), threading.Event()
    turns: list[bool] = []

    def long(patience: float = 20) -> None:
        turns.append(detach(patience))
        if turns[-1]:
            go_on.wait()

    for _ in range(2 + 2 * MAX_WAITING_RATIO):
        await run(threads, long)
    await await_until(lambda: len(turns) == 2, "two have turns")
    await run(threads, long)
    assert turns == [True, True, False], "one more than may be detached"
    go_on.set()
    await await_until(lambda: len(turns) == 3 + 2 * MAX_WAITING_RATIO, "all have had turns")
    assert turns.count(False) == 1
    await await_until(lambda: all_free(threads, 2), "nothing is taken any more")


def all_free(threads: DetachableThreads, detachable: int) -> bool:
    detached, producing = threads.detached._value, threads.producing._value
    return (detached, producing) == (detachable * (1 + MAX_WAITING_RATIO), detachable)


async def test_without_a_turn_in_time_it_is_given_up() -> None:
    threads, go_on, answers = DetachableThreads(1, "t"), threading.Event(), []

    def long(patience: float) -> Callable[[], None]:
        def produce() -> None:
            answers.append(detach(patience))
            if answers[-1]:
                go_on.wait()

        return produce

    await run(threads, long(20))
    await run(threads, long(0.01))
    await await_until(lambda: answers == [True, False], "the second gives up")
    go_on.set()
    await await_until(lambda: all_free(threads, 1), "nothing is taken any more")


async def test_an_error_after_it_detached_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    threads = DetachableThreads(1, "t")

    def fails() -> None:
        detach(0)
        raise ZeroDivisionError

    await run(threads, fails)
    await await_until(lambda: all_free(threads, 1), "it has ended")
    assert "ZeroDivisionError" in caplog.text


async def test_nobody_waits_any_more() -> None:
    threads, go_on = DetachableThreads(1, "t"), threading.Event()
    waiting = asyncio.create_task(run(threads, go_on.wait))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    go_on.set()
    assert await run(threads, lambda: 1) == 1
