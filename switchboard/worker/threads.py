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
from contextlib import suppress
from contextvars import copy_context
from types import TracebackType
from typing import Any, Protocol

from switchboard.detaching import DetachableThreads
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
    """``count`` threads; what runs in them is called by ``call``, which may do something before and after.

    Of what runs, ``detachable`` may detach and go on beside them: see `detaching`.
    """

    def __init__(self, count: int, name: str, call: Callable[[Callable[[], Any]], Any], *, detachable: int = 0) -> None:
        self._threads = DetachableThreads(detachable, name)
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
        context = copy_context()

        def run() -> Any:
            thread.append(threading.get_ident())
            try:
                return self._call(lambda: context.run(function))
            finally:
                thread.clear()

        return self._threads.start(run, self._free.release)


def _position_of(thread: list[int]) -> TracebackType | None:
    """Return the traceback of what a thread does now; None if it has returned meanwhile."""
    frame = sys._current_frames().get(thread[0]) if thread else None
    position: TracebackType | None = None
    while frame is not None:
        position = TracebackType(position, frame, frame.f_lasti, frame.f_lineno)
        frame = frame.f_back
    return position
