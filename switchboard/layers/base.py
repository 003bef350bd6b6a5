"""The contract of a layer.

A layer holds four things between the processes:

* **Named channels**, one queue each, read by workers. A message that a worker has received is *pending*: the worker
  owns it until it commits it, gives it back by falling silent, or another worker takes it over.
* **A record for each socket**: the highest order queued (``sent``), the highest handled (``acked``), the channel
  session. It is made by the enqueue of a connect and removed by the commit of a disconnect. It is what makes a
  frame that was queued twice, or run twice, count once.
* **An inbox for each interface**, its entries numbered from 1 without a hole.
* **Groups**: for each the set of interfaces that have members. The members are known to their interface only.

Every method is atomic: it happens whole, for all processes at once, or not at all. A method that raises
`LayerUnavailable` may or may not have happened; calling it again is safe, but for `request` and `publish`, whose
messages may then be there twice. Cancelling a call is like `LayerUnavailable`: what it asked for may have happened.
All methods may be called from any event loop, and at the same time.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from switchboard.events import Content, Envelope, InboxEntry, Output
from switchboard.layers.extensions import OF_WORKERS
from switchboard.layers.tips import Tips


class Enqueued(enum.Enum):
    """What became of a message that was to be enqueued."""

    QUEUED = "queued"
    """It is on its channel, now or already."""
    DONE = "done"
    """It was handled before; no acknowledgement will come for it again."""
    UNKNOWN = "unknown"
    """The socket has no record: the data was lost, or the interface was reaped."""
    FULL = "full"
    """The channel is at its capacity; nothing was queued. Never for a disconnect."""


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
class DeadLetter:
    """A message that was given up. ``tag`` identifies it to the layer, ``at`` is the server's clock in seconds."""

    tag: str
    envelope: Envelope
    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message in the hands of a worker. ``tag`` identifies the entry to the layer within its channel."""

    envelope: Envelope
    tag: str
    redelivered: bool = False

    @property
    def channel(self) -> str:
        return self.envelope.channel


@dataclass(frozen=True, slots=True)
class Pending:
    """A message that some worker received and has not committed.

    ``delivered_at`` moves whenever the owner renews it; only its not moving says anything, not its value (a clock
    of the server, in milliseconds).
    """

    channel: str
    tag: str
    owner: str
    delivered_at: int


@dataclass(frozen=True, slots=True)
class Commit:
    """What is to become of one message that was handled; see `Layer.commit_all`.

    ``failed``: its consumer raised, and nobody answered in its place.
    """

    delivery: Delivery
    outputs: Sequence[Output] = ()
    session: Content | None = None
    failed: bool = False


class Begun(enum.Enum):
    """Whether a redelivered message is to run."""

    RUN = "run"
    HANDLED = "handled"
    """Its effects have left already; it was acknowledged just now, without them."""
    LOST = "lost"
    """Another worker owns it, or it is gone."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The answer of `Layer.begin`. ``number`` counts the runs of a redelivered message from 1."""

    begun: Begun
    number: int = 0


@dataclass(frozen=True, slots=True)
class Beat:
    """The answer to an interface's heartbeat: the number of the last inbox entry, and an identity of the server's
    data that changes whenever the server started anew."""

    last: int
    run_id: str


class Layer(ABC):
    """Interfaces and workers meet here. See the module's docstring for what holds of every method."""

    #: Whether several processes can meet on it. False: everything has to run in one.
    crosses_processes: ClassVar[bool]
    #: Whether its methods may be called from any event loop.
    any_loop: ClassVar[bool] = True
    #: What it can do beside carrying messages, see `extensions`; Channels' own word for such a list.
    extensions: ClassVar[list[str]] = [*OF_WORKERS]

    @property
    def shards(self) -> Sequence[Layer]:
        """The parts that a worker reads each for itself: the layer, unless it lies on several hosts."""
        return [self]

    @cached_property
    def tips(self) -> Tips:
        """The last numbers of groups that left through this object."""
        return Tips()

    # -- for interfaces ------------------------------------------------------------------------------------------

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
    async def read_inbox(self, interface: str, after: int, *, wait: float) -> Sequence[InboxEntry]:
        """The entries whose number is above ``after``, oldest first, at most a few hundred.

        Waits up to ``wait`` seconds for the first one. One caller at a time for each interface.
        An inbox that is gone has no entries; `beat` is what notices.
        """

    @abstractmethod
    async def beat(self, interface: str, read: int) -> Beat:
        """Renew the interface's lease, and drop its inbox entries up to the number ``read``.

        Raises:
            InboxLost: the inbox does not exist.
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
        to the client; -1 says that the client is gone. Unread reports are forgotten after a minute."""

    # -- for workers ---------------------------------------------------------------------------------------------

    @abstractmethod
    async def take(self, worker: str, channels: Collection[str], *, count: int, wait: float) -> Sequence[Delivery]:
        """Take up to ``count`` messages from each of ``channels``, each channel's oldest first.

        Waits up to ``wait`` seconds for the first one. Each becomes the worker's, pending.
        """

    @abstractmethod
    async def commit_all(self, worker: str, commits: Sequence[Commit]) -> Sequence[bool]:
        """Acknowledge messages and let their outputs leave, each message in one step, one after the other.

        For each, only if it is still pending and ``worker`` owns it; otherwise nothing happens to it and it is False.
        For a socket's message whose order was acknowledged before, the outputs stay behind. ``session``, if given,
        becomes the socket's. The socket's interface gets one entry: the events for the socket, the group messages that
        concern the interface, in the order of ``outputs``, then the `Ack`. Every other interface gets what concerns
        it. The commit of a disconnect removes the record. Capacities are not looked at: an `Envelope` among the
        outputs was checked by `has_room` when it was sent.

        Raises:
            ContentError: something in one of them cannot go over the wire; nothing happened to any.
        """

    async def commit(
        self,
        worker: str,
        delivery: Delivery,
        outputs: Sequence[Output] = (),
        *,
        session: Content | None = None,
        failed: bool = False,
    ) -> bool:
        """`commit_all` of one message."""
        return (await self.commit_all(worker, [Commit(delivery, outputs, session, failed)]))[0]

    @abstractmethod
    async def claim_request(self, worker: str, delivery: Delivery) -> bool:
        """Acknowledge an HTTP request before it runs, telling its interface who runs it (`Claimed`).

        False if it is not the worker's, or past its time, in which case it is dropped.
        """

    @abstractmethod
    async def await_report(self, channel: str, *, wait: float) -> int | None:
        """The next unread report of `report_written`, or None after ``wait`` seconds without one."""

    @abstractmethod
    async def renew(self, worker: str, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Keep hold of ``deliveries``; returns those that are the worker's no longer."""

    @abstractmethod
    async def pending(self, channels: Collection[str], *, idle: float) -> Sequence[Pending]:
        """What workers received and have not renewed for ``idle`` seconds, at most a few hundred for each channel."""

    @abstractmethod
    async def take_over(self, worker: str, pending: Pending) -> Delivery | None:
        """Make ``pending`` the worker's, if it is still as it was seen; None if not. Whoever had it lost it."""

    @abstractmethod
    async def begin(self, worker: str, delivery: Delivery) -> Attempt:
        """Ask, before a *redelivered* message runs, whether it is to, and count the attempt."""

    @abstractmethod
    async def forgive(self, worker: str, delivery: Delivery) -> None:
        """Take back the attempt that `begin` counted: the message failed through no fault of its own."""

    @abstractmethod
    async def bury(self, worker: str, delivery: Delivery, outputs: Sequence[Output] = (), *, reason: str) -> bool:
        """Give a message up: a `commit` with ``failed``, and in the same step the message becomes a dead letter.

        Dead letters are kept up to a bound, the oldest going first.
        """

    @abstractmethod
    async def dead_letters(self) -> Sequence[DeadLetter]:
        """All of them, oldest first."""

    @abstractmethod
    async def revive(self, tag: str) -> bool:
        """Send a dead letter again, under its old id, as a message of its own: no socket waits for it any more, so it
        has no order, and its session can be read only. False if there is no such dead letter."""

    @abstractmethod
    async def drop_dead_letter(self, tag: str) -> bool:
        """Forget a dead letter. False if there is no such one."""

    @abstractmethod
    async def interface_beats(self) -> Mapping[str, int]:
        """A number for each interface that has an inbox or records, alive or not. It changes while it lives."""

    @abstractmethod
    async def watch_interfaces(self, *, unbroken: float) -> Mapping[str, float]:
        """For how many seconds the number of each of the `interface_beats` has stood still under the eyes of those who
        call this: of all of them together, so that a watch outlives the workers that keep it. Where nobody called for
        ``unbroken`` seconds, as when nobody could, nothing is known and counting begins anew."""

    @abstractmethod
    async def sockets_of(self, interface: str) -> Sequence[SocketState]:
        """Records of the interface's sockets, at most a few hundred: those with nothing under way first."""

    @abstractmethod
    async def beat_worker(self, worker: str) -> None:
        """Show that the worker lives."""

    @abstractmethod
    async def worker_beats(self) -> Mapping[str, int]:
        """A number for each worker that changes while it lives."""

    @abstractmethod
    async def retire(self, worker: str, channels: Collection[str]) -> None:
        """Forget a worker that holds nothing any more; where it does hold something, that stays for `take_over`, and
        the worker among the `worker_beats`, to be retired again.

        Called by the worker itself, or by another that has seen it dead; ``channels`` are those that the caller knows.
        """

    # -- for both ------------------------------------------------------------------------------------------------

    @abstractmethod
    async def publish(self, outputs: Sequence[Output]) -> None:
        """Let outputs leave at once, in their order, outside any commit.

        Raises:
            ChannelFull: an `Envelope`'s channel is at its capacity; nothing was sent.
        """

    @abstractmethod
    async def has_room(self, channel: str) -> bool:
        """Whether a named channel is below its capacity."""

    @abstractmethod
    async def depth(self, channel: str) -> int:
        """How many messages a named channel holds, pending ones included."""

    @abstractmethod
    async def verify(self) -> None:
        """Ask every server whether it is one on which this layer can work. For the start of a process.

        Raises:
            UnfitServer: one is not.
            LayerUnavailable: one did not answer; all that did will do.
        """

    @abstractmethod
    async def flush(self) -> None:
        """Remove everything of this layer. For tests."""

    @abstractmethod
    async def close(self) -> None:
        """Give back what the running event loop uses of the layer. Calling the layer again opens it again."""
