"""The contract of a layer, as far as interfaces ask: inboxes, records of sockets, requests. See `base` for the rest."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from switchboard.events import Content, Envelope, InboxEntry

__all__ = ["MAX_READ", "Beat", "Enqueued", "InterfaceContract", "Receipt", "SocketState"]


#: Entries that one `read_inbox` returns, unless it is asked for fewer.
MAX_READ: Final = 500


class Enqueued(enum.Enum):
    """What became of a message that was to be enqueued."""

    QUEUED = "queued"
    """It is on its channel, now or already."""
    DONE = "done"
    """It was handled before; no acknowledgement will come for it again."""
    UNKNOWN = "unknown"
    """The socket has no record: the data was lost, or the interface was reaped."""
    FULL = "full"
    """The channel is at its capacity, in messages or in bytes; nothing was queued. Never for a disconnect."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer of `Layer.enqueue_many` for one message. ``session`` is the channel session of the record, where the
    outcome is DONE."""

    outcome: Enqueued
    session: Content | None = None


@dataclass(frozen=True, slots=True)
class SocketState:
    """What a record holds of a socket. ``path`` is that of its connect, for whoever has to speak for a dead interface.

    ``sent`` > ``acked``: a message is under way.
    """

    channel: str
    sent: int
    acked: int
    path: str = ""
    session: Content | None = None


@dataclass(frozen=True, slots=True)
class Beat:
    """The answer to an interface's heartbeat: the number of the last inbox entry, and an identity of the server's
    data that changes whenever the server started anew."""

    last: int
    run_id: str


class InterfaceContract(ABC):
    """What holds of every method stands in `base`."""

    @abstractmethod
    async def open_inbox(self, interface: str) -> Beat:
        """Create the empty inbox of an interface that is new. Group messages and replies reach it from now on."""

    @abstractmethod
    async def close_inbox(self, interface: str) -> None:
        """Remove the inbox with all it holds, and the interface from its groups.

        Its sockets' records stay, and as long as there are any it is among the `interface_beats`, for somebody to find
        them; then it has to be closed once more.
        """

    @abstractmethod
    async def read_inbox(
        self, interface: str, after: int, *, wait: float, count: int = MAX_READ, drop: bool = False
    ) -> Sequence[InboxEntry]:
        """Return the entries whose number is above ``after``, oldest first, at most ``count``.

        Waits up to ``wait`` seconds for the first one. With ``drop`` the entries up to ``after`` are dropped before, at
        no further cost. One caller at a time for each interface.
        An inbox that is gone has no entries; `beat` is what notices.
        """

    @abstractmethod
    async def beat(self, interface: str, read: int) -> Beat:
        """Renew the interface's lease, and drop its inbox entries up to the number ``read``.

        Raises:
            InboxLost: the inbox does not exist.
            InboxRemoved: the same, and it was removed because it held too much. Of the interface's sockets nothing was
                reported, and their records are whole.
        """

    async def enqueue(self, envelope: Envelope) -> Receipt:
        """`enqueue_many` of one."""
        (receipt,) = await self.enqueue_many([envelope])
        return receipt

    @abstractmethod
    async def enqueue_many(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        """Put messages of sockets on their channels, each with the session of its record, unless that happened before;
        a few hundred at a time. Returns a receipt for each, in order.

        It is decided for one after the other. In this order: the record is missing and ``order`` > 0 → UNKNOWN;
        ``order`` ≤ acked → DONE; ``order`` ≤ sent → QUEUED; the channel is at its capacity → FULL (never for a
        disconnect); otherwise it is appended and ``sent`` = ``order``, a connect making the record, with the ``path``
        of its content → QUEUED.

        Raises:
            ContentError: one of them can't go over the wire. Of those at home on the same host none was queued.
        """

    @abstractmethod
    async def restore(self, sockets: Sequence[SocketState]) -> None:
        """Bring back records after the server lost data, a few hundred at a time.

        A record that is missing is made as given, with ``sent`` = ``acked``: what was under way is to be enqueued
        again. Where there is one, the larger ``acked`` wins, and with it its session; ``sent`` stays at least as high.
        Calling it for sockets whose records are whole changes nothing.
        """

    @abstractmethod
    async def rejoin(self, interface: str, groups: Collection[str]) -> None:
        """Put the interface into each of ``groups``, in which it has members, after the server lost data."""

    @abstractmethod
    async def request(self, envelope: Envelope, *, timeout: float) -> bool:
        """Put an HTTP request on its channel; False if that is at its capacity.

        A request that no worker has claimed after ``timeout`` seconds of the server's clock is dropped unrun.
        """

    @abstractmethod
    async def leave(self, interface: str, group: str, read: int) -> bool:
        """Take the interface out of a group of which it has no member left.

        False, and nothing happens, if a join of that group is in the inbox above the number ``read``.
        """

    @abstractmethod
    async def report_written(self, channel: str, total: int) -> None:
        """Tell the worker that answers the request ``channel`` that ``total`` bytes of the response have been written
        to the client; -1 says that the client is gone, also before any worker claimed the request. Unread reports are
        forgotten after a minute."""
