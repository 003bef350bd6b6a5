"""Threads that run views, and of which some may go on with a long response while the next view runs.

A connection to the database belongs to its thread, and so does a cursor from which a response is read. So a response
that takes long is not handed to another thread: its thread *detaches*. For whoever waits for the view it has returned,
and another thread takes the next view; it goes on by itself until the response is produced.

Only a few detached threads produce at once, because all of them share one interpreter with the views. The others wait.

A process that ends does not wait for these threads: one that waits for an event that never comes would keep it alive.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Final

__all__ = ["MAX_WAITING_RATIO", "DetachableThreads", "detach"]

logger = logging.getLogger("switchboard.worker")

#: Detached threads that may wait for each one that may produce.
MAX_WAITING_RATIO: Final = 3

_current = threading.local()


def detach(timeout: float) -> bool:
    """Let the caller of this thread's function go on, and wait until this thread may produce.

    Return False if too many threads are detached already, or if others produced all the time for ``timeout`` seconds.
    In a thread that is none of `DetachableThreads`, return True and do nothing.
    """
    call: _Call | None = getattr(_current, "call", None)
    return call is None or call.detach(timeout)


class DetachableThreads:
    """Run functions in threads, of which ``detachable`` may be detached and produce at once."""

    def __init__(self, detachable: int, name: str) -> None:
        most = detachable * (1 + MAX_WAITING_RATIO)
        self.detached = threading.Semaphore(most)
        self.producing = threading.Semaphore(detachable)
        self._name = name
        self._calls: SimpleQueue[_Call] = SimpleQueue()
        self._idle = threading.Semaphore(0)

    def start(self, function: Callable[[], Any], left: Callable[[], None]) -> asyncio.Future[Any]:
        """Call ``function`` in a thread; return the future of what it returns, None as soon as it detached.

        ``left`` is called on the loop when it has returned or detached, also where nobody waits for the future any
        more. There are as many threads as there were calls at a time: the caller bounds these.
        """
        call = _Call(self, asyncio.get_running_loop(), function, left)
        self._calls.put(call)
        if not self._idle.acquire(blocking=False):
            # No ThreadPoolExecutor: Python ends when all threads of all of them have.
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
        return call.returned

    def _work(self) -> None:
        while True:
            self._calls.get().run()
            self._idle.release()


class _Call:
    def __init__(
        self,
        threads: DetachableThreads,
        loop: asyncio.AbstractEventLoop,
        function: Callable[[], Any],
        left: Callable[[], None],
    ) -> None:
        self.returned: asyncio.Future[Any] = loop.create_future()
        self._loop = loop
        self._threads = threads
        self._function = function
        self._left = left
        self._is_detached = False
        self._is_producing = False

    def run(self) -> None:
        _current.call = self
        try:
            result = self._function()
        except BaseException as error:
            if self._is_detached:
                logger.exception("a response failed after its view had returned")
            else:
                self._return(error, None)
        else:
            if not self._is_detached:
                self._return(None, result)
        finally:
            del _current.call
            if self._is_producing:
                self._threads.producing.release()
            if self._is_detached:
                self._threads.detached.release()

    def detach(self, timeout: float) -> bool:
        if not self._is_detached:
            if not self._threads.detached.acquire(blocking=False):
                return False
            self._is_detached = True
            self._return(None, None)
        self._is_producing = self._threads.producing.acquire(timeout=timeout)
        return self._is_producing

    def _return(self, error: BaseException | None, result: Any) -> None:
        def tell() -> None:
            self._left()
            if self.returned.done():
                return  # cancelled: nobody waits any more
            if isinstance(error, StopIteration):
                self.returned.set_exception(RuntimeError("StopIteration was raised"))  # which no future takes
            elif error is None:
                self.returned.set_result(result)
            else:
                self.returned.set_exception(error)

        # RuntimeError: the loop was closed, and nobody waits any more.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(tell)
