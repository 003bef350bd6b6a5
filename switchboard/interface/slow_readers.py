"""Find the clients that read their HTTP responses too slowly, and close them.

A response waits for its client in this process: in its `Exchange`, and in the buffer of the transport below. A client
that does not read would keep it there for ever, and a thousand such clients a thousand responses. So

* **each client has a minimum rate**, counted while something waits for it and at no other time: a connection that is
  idle between two requests owes nothing. A client that reads nothing is closed after the stall timeout. One that reads
  at half the minimum rate is closed after twice that time, and one that reads at the minimum rate never;
* **all responses together have a bound in bytes**. Beyond it the clients that are furthest behind are closed, which
  are never those that read as fast as they must while there are any that don't.

What a client has read is what its own end has acknowledged, where the system tells (Linux does). What merely went into
the system's buffer says little: that takes megabytes at once, and then nothing for as long as it takes a slow but
honest client to read them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final, Protocol

from switchboard.interface.exchange import Exchange
from switchboard.interface.wire import EXTENSION, Scope

__all__ = ["Backlog", "ClientConnection", "SlowReaders", "backlog_of"]

logger = logging.getLogger(__name__)

#: Seconds between two looks that count at most. While this process stood still no client could be written to.
MAX_ELAPSED: Final = 3.0


class ClientConnection(Protocol):
    """One connection of an HTTP client. Equal to another of the same transport."""

    def unsent(self) -> int:
        """Return the bytes that were written and that the system has not taken yet; 0 once the connection is lost."""

    def acknowledged(self) -> int | None:
        """Return the bytes that the client has taken since it connected; None if the system does not tell."""

    def abort(self) -> None:
        """Close the connection without sending what waits."""

    def __hash__(self) -> int: ...


class Backlog:
    """What waits for one client, and how fast the client takes it."""

    def __init__(self, client: ClientConnection, on_queued: Callable[[int], None]) -> None:
        self.client = client
        #: Requests on this connection that are not finished; more than one if the client sends ahead.
        self.requests = 0
        #: The one that a worker answers.
        self.exchange: Exchange | None = None
        #: Called with the bytes of each part that is queued in the exchange.
        self.on_queued = on_queued
        self._written = 0
        self._since: float | None = None  # when something began to wait
        self._looked = 0.0
        self._taken_at_first = self._taken = 0
        self._credit = 0.0

    def record_write(self, size: int) -> None:
        """Record that ``size`` bytes were given to the transport."""
        self._written += size

    def waiting(self) -> int:
        """Return the bytes that wait for the client."""
        return self.client.unsent() + (0 if self.exchange is None else self.exchange.queued)

    def measure(self, now: float, *, min_rate: int, stall_timeout: float) -> bool:
        """Compare with the last time how much the client has read; return False once it is too slow."""
        unsent = self.client.unsent()
        if not unsent:
            self._since = None
            return True
        acknowledged = self.client.acknowledged()
        taken = self._written - unsent if acknowledged is None else acknowledged
        if self._since is None:
            self._since = now
            self._taken_at_first = taken
            self._credit = stall_timeout
        else:
            elapsed = min(now - self._looked, MAX_ELAPSED)
            earned = (taken - self._taken) / min_rate
            self._credit = min(self._credit - elapsed + earned, stall_timeout)
        self._looked, self._taken = now, taken
        return self._credit > 0

    def sort_key(self) -> tuple[float, float]:
        """Return a key that sorts a client before those that read better."""
        if self._since is None:
            return (float("inf"), 0.0)
        elapsed = self._looked - self._since
        rate = (self._taken - self._taken_at_first) / elapsed if elapsed else float("inf")
        return (self._credit, rate)

    def read(self) -> tuple[int, float]:
        """Return how many bytes the client has read since something began to wait for it, and in how many seconds."""
        return self._taken - self._taken_at_first, 0.0 if self._since is None else self._looked - self._since


class SlowReaders:
    """The backlogs of all clients of one process."""

    def __init__(
        self, *, min_rate: int, stall_timeout: float, max_bytes: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._min_rate = min_rate
        self._stall_timeout = stall_timeout
        self._max_bytes = max_bytes
        self._clock = clock
        self._backlogs: dict[ClientConnection, Backlog] = {}
        self._bytes = 0  # at least as many as wait

    def open(self, client: ClientConnection) -> Backlog:
        """Begin a request of ``client``; the caller counts it off ``requests`` at its end.

        The backlog is kept until there are no requests and nothing waits.
        """
        backlog = self._backlogs.get(client)
        if backlog is None:
            backlog = self._backlogs[client] = Backlog(client, self._on_queued)
        backlog.requests += 1
        return backlog

    def check(self) -> None:
        """Close the clients that are too slow; to be called every second."""
        now = self._clock()
        left: list[tuple[Backlog, int]] = []
        for backlog in list(self._backlogs.values()):
            if not backlog.measure(now, min_rate=self._min_rate, stall_timeout=self._stall_timeout):
                self._close(backlog, "too slow")
            elif waiting := backlog.waiting():
                left.append((backlog, waiting))
            elif not backlog.requests:
                del self._backlogs[backlog.client]
        self._bytes = sum(waiting for _, waiting in left)
        if self._bytes > self._max_bytes:
            self._relieve(left)

    def _relieve(self, backlogs: list[tuple[Backlog, int]]) -> None:
        for backlog, waiting in sorted(backlogs, key=lambda pair: pair[0].sort_key()):
            if self._bytes <= self._max_bytes:
                return
            self._close(backlog, f"and more than {self._max_bytes} for all clients")
            self._bytes -= waiting

    def _close(self, backlog: Backlog, reason: str) -> None:
        read, seconds = backlog.read()
        logger.warning(
            "client %s: read %d bytes in %.0f s while %d waited for it, %s; closing its connection",
            *(backlog.client, read, seconds, backlog.waiting(), reason),
        )
        del self._backlogs[backlog.client]
        backlog.client.abort()

    def _on_queued(self, size: int) -> None:
        self._bytes += size
        if self._bytes > self._max_bytes:
            self.check()

    def __len__(self) -> int:
        return len(self._backlogs)


def backlog_of(scope: Scope) -> Backlog | None:
    """Return what the server passes along with an HTTP request; None if it is not our own server."""
    backlog = (scope.get("extensions") or {}).get(EXTENSION)
    return backlog if isinstance(backlog, Backlog) else None
