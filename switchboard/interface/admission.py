"""Admission control: how many connections a process holds, and what becomes of those beyond that.

A process that runs out of descriptors can do nothing right. It cannot accept, so Twisted resets every client in the
queue; it cannot connect to Redis anew, nor open a file. So the descriptors are shared out before:

========== ============================================================================================
the bound  So many connections are served. Those beyond it are accepted on the reserve, to be told: a
           socket is accepted and closed with 1013 (a browser shows no status of a failed handshake), a
           request gets 503. Each is cut off after a few seconds, whatever its client does.
the        So many connections are accepted at all, half of the reserve beyond the bound. Further
ceiling    clients wait in the listening socket's queue, or are taken by another interface that shares
           the socket, until one of those beyond the bound is gone.
the rest   The other half is for everything else: Redis, logs, bodies of requests in files.
========== ============================================================================================

What is not a connection is counted while it matters. Should the kernel have no descriptor all the same, nothing is
accepted for up to a second: the listening socket stays readable, and the loop would do nothing but try.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, Final

from twisted.internet import tcp

from switchboard.descriptors import FileLimit, check_descriptor_left, count_open_files
from switchboard.outages import Outage

__all__ = ["Admission", "is_surplus"]

logger = logging.getLogger(__name__)

#: Descriptors that are not for clients who are served: this share of all of them, and at least and at most so many.
RESERVE_SHARE: Final = 16
MIN_RESERVE: Final = 32
MAX_RESERVE: Final = 512
#: Seconds that a connection beyond the bound has for its request, and to be closed.
SURPLUS_TIMEOUT: Final = 5.0
#: Seconds between two counts of what is no connection, when the bound is near.
COUNT_INTERVAL: Final = 5.0
#: Below this hard limit an operator is told so.
LOW_LIMIT: Final = 4_096
#: It is over when the connections are down to this share of the bound: one that comes and goes is no news.
OVER_AT: Final = 0.95


class Admission:
    """The connections of a process with this ``limit`` of open files."""

    def __init__(self, limit: FileLimit) -> None:
        # Twisted keeps a descriptor for the moment when there is none left, and then uses it to accept every client in
        # the queue and close the connection. Without it they stay in the queue.
        tcp._reservedFD = tcp._NullFileDescriptorReservation()
        self._limit = limit.soft
        self._reserve = min(max(limit.soft // RESERVE_SHARE, MIN_RESERVE), MAX_RESERVE)
        self._transports: set[Any] = set()
        self._others = 0
        self._resting: set[Any] = set()
        self._full = Outage(logger, "connections are refused")
        self._exhausted = Outage(logger, "connections wait")
        self._count_others()
        low = limit.hard < LOW_LIMIT
        logger.log(
            logging.WARNING if low else logging.INFO,
            "open files: soft limit %d, hard limit %d; %d are allowed now, and up to %d connections are served%s",
            *(limit.before, limit.hard, limit.soft, self.bound),
            "; raise the hard limit for more" if low else "",
        )

    @property
    def bound(self) -> int:
        """So many connections are served."""
        return max(self._limit - self._others - self._reserve, 1)

    @property
    def room(self) -> int:
        """So many more are accepted."""
        return self.bound + self._reserve // 2 - len(self._transports)

    def govern(self, port: Any) -> None:
        """Accept from this listening port of Twisted's as long as there is room."""
        accept = port.doRead

        def accept_some() -> None:
            if self.room <= 0 or not self._can_accept():
                port.stopReading()
                self._resting.add(port)
            else:
                # As many as Twisted wants to at a time, but not more than there is room for.
                port.numberAccepts = min(port.numberAccepts, self.room)
                accept()

        port.doRead = accept_some
        port.transport = _counted(port.transport, self._opened, self._closed)

    def look(self) -> None:
        """Count again what is no connection, if it matters, and try to accept again. To be called every second."""
        now = time.monotonic()
        if len(self._transports) + 2 * self._reserve > self.bound and now - self._counted_at > COUNT_INTERVAL:
            self._count_others()
        if len(self._transports) < OVER_AT * self.bound:
            self._full.over()
        self._go_on()

    def _count_others(self) -> None:
        self._counted_at = time.monotonic()
        try:
            self._others = count_open_files() - len(self._transports)
        except OSError as error:
            logger.debug("the open files can't be counted: %s", error)

    # -- connections

    def _opened(self, transport: Any) -> None:
        self._transports.add(transport)
        if len(self._transports) > self.bound:
            transport.surplus = asyncio.get_running_loop().call_later(SURPLUS_TIMEOUT, transport.abortConnection)
            self._full.lasts(
                f"{len(self._transports)} are open, {self._limit} open files are allowed; "
                "new sockets are closed with 1013, requests get 503"
            )

    def _closed(self, transport: Any) -> None:
        self._transports.discard(transport)
        if transport.surplus is not None:
            transport.surplus.cancel()
        if self._resting and self.room > 0:
            self._go_on()

    # -- listening ports

    def _can_accept(self) -> bool:
        try:
            check_descriptor_left()
        except OSError as error:
            self._exhausted.lasts(f"cannot accept any: {error.strerror}")
            self._count_others()
            return False
        self._exhausted.over()
        return True

    def _go_on(self) -> None:
        resting, self._resting = self._resting, set()
        for port in resting:
            if port.connected and not port.disconnecting:
                port.startReading()


def is_surplus(transport: Any) -> bool:
    """Whether this connection is beyond the bound, and open only to be told so."""
    while transport is not None:
        if getattr(transport, "surplus", None) is not None:
            return True
        transport = getattr(transport, "transport", None)  # what is below TLS
    return False


def _counted(kind: Any, opened: Callable[[Any], None], closed: Callable[[Any], None]) -> Any:
    """The class of a listening port's connections, which tell when they open and close."""

    class Counted(kind):  # type: ignore[misc]
        surplus: asyncio.TimerHandle | None = None

        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            opened(self)

        def connectionLost(self, reason: Any) -> None:
            super().connectionLost(reason)
            closed(self)

    return Counted
