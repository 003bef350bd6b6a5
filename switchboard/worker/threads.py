"""Threads in which consumers and views run, and the time limit of what runs.

What is to run waits here until a thread is free, and its time limit starts when it begins: waiting for neighbours is no
fault of its own. A thread cannot be stopped, so one whose function does not return is lost, and its worker has to end.
Then nothing new begins here: what waits for a thread goes to another worker.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from types import TracebackType
from typing import Any, Protocol

from switchboard.exceptions import SwitchboardError
from switchboard.time_limits import liftable


class NotStarted(SwitchboardError):
    """The worker ends because a thread is stuck, and this had not begun: it runs elsewhere."""


class TimeLimitExceeded(SwitchboardError):
    """A function did not return in time. ``position``: where its thread is, None if it runs in none."""

    def __init__(self, seconds: float, position: TracebackType | None = None) -> None:
        super().__init__(seconds)
        self.seconds = seconds
        self.position = position

    def __str__(self) -> str:
        return f"did not return within {self.seconds:g} s"


class TimeLimit:
    """A context manager that ends its body after ``seconds``, unless the limit was lifted. None: there is none.

    Raises:
        TimeLimitExceeded: at the end of the block. A `TimeoutError` of the body's own passes through.
    """

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds

    async def __aenter__(self) -> TimeLimit:
        self._loop = asyncio.get_running_loop()
        self._timeout = await asyncio.timeout(self._seconds).__aenter__()
        self._context = liftable(self.lift)
        self._context.__enter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._context.__exit__(kind, error, trace)
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            assert self._seconds is not None
            raise TimeLimitExceeded(self._seconds) from None

    def lift(self) -> None:
        """End the limit, from any thread."""

        def lift() -> None:
            # RuntimeError: it is over, one way or the other.
            with suppress(RuntimeError):
                self._timeout.reschedule(None)

        # RuntimeError: the loop is closed, and the limit with it.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(lift)


class Threads(Protocol):
    """Where sync code runs."""

    @property
    def is_stuck(self) -> bool:
        """Whether a thread did not return in time, so that nothing new begins."""

    async def run(self, function: Callable[[], Any], seconds: float | None) -> Any:
        """Return what ``function`` returns, called in a thread within a `TimeLimit` of ``seconds``.

        Raises:
            NotStarted: no thread will become free.
            TimeLimitExceeded: it did not return in time; its thread may run on.
        """


class ThreadPool:
    """``count`` threads; what runs in them is called by ``call``, which may do something before and after."""

    def __init__(self, count: int, name: str, call: Callable[[Callable[[], Any]], Any]) -> None:
        # Not a context manager: at a failure its end would wait on threads that wait on the loop.
        self._executor = ThreadPoolExecutor(count, name)
        self._call = call
        self._free = asyncio.Semaphore(count)
        self._stuck = False

    @property
    def is_stuck(self) -> bool:
        return self._stuck

    async def run(self, function: Callable[[], Any], seconds: float | None) -> Any:
        """See `Threads.run`."""
        await self._free.acquire()
        if self._stuck:
            self._free.release()  # for the next one that waits, who is to learn of it too
            raise NotStarted
        thread: list[int] = []
        try:
            async with TimeLimit(seconds):
                return await self._start(function, thread)
        except TimeLimitExceeded as error:
            if not self._stuck:
                self._stuck = True
                self._free.release()
            raise TimeLimitExceeded(error.seconds, _position_of(thread)) from None

    def _start(self, function: Callable[[], Any], thread: list[int]) -> asyncio.Future[Any]:
        """Begin in a thread. It is free again when the function has returned, also where nobody waits any more."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[Any] = loop.create_future()

        context = copy_context()

        def run() -> Any:
            thread.append(threading.get_ident())
            try:
                return self._call(lambda: context.run(function))
            finally:
                thread.clear()

        def returned(future: Future[Any]) -> None:
            # RuntimeError: the loop is closed, so nobody waits any more.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._finish, future, result)

        self._executor.submit(run).add_done_callback(returned)
        return result

    def _finish(self, future: Future[Any], result: asyncio.Future[Any]) -> None:
        self._free.release()
        if result.done():
            return  # cancelled: nobody waits any more
        error = future.exception()
        if error is None:
            result.set_result(future.result())
        elif isinstance(error, StopIteration):
            result.set_exception(RuntimeError("StopIteration was raised"))  # which no future takes
        else:
            result.set_exception(error)


def _position_of(thread: list[int]) -> TracebackType | None:
    """Return the traceback of what a thread does now; None if it has returned meanwhile."""
    frame = sys._current_frames().get(thread[0]) if thread else None
    position: TracebackType | None = None
    while frame is not None:
        position = TracebackType(position, frame, frame.f_lasti, frame.f_lineno)
        frame = frame.f_back
    return position
