"""Waking waiters of other event loops.

An ``asyncio.Event`` belongs to one loop and may be set only from its thread. A `Bell` is rung from any thread, and
wakes everyone who is listening, each through its own loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from switchboard.waiting import within


class Listener:
    """One waiter. Begin listening before looking at the state, or a ring in between is missed."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()

    def wake(self) -> None:
        """Called from any thread."""
        # RuntimeError: the loop closed between our look and the call, so nobody waits there any more.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._rung.set)

    async def wait(self, timeout: float) -> bool:
        """Whether the bell rang within ``timeout`` seconds."""
        return timeout > 0 and await within(self._rung, timeout)


class Bell:
    """Rung when something changed. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """A listener that hears every ring from now to the end of the block."""
        listener = Listener()
        with self._lock:
            self._listeners.add(listener)
        try:
            yield listener
        finally:
            with self._lock:
                self._listeners.discard(listener)

    def ring(self) -> None:
        """Wake all who listen."""
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener.wake()
