"""The contract of a layer, as far as workers ask: taking messages, committing them, and what the dead left behind.
See `base` for the rest."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from switchboard.events import Content, Envelope, Output
from switchboard.layers.interface_contract import SocketState

__all__ = ["Attempt", "Begun", "Commit", "DeadLetter", "Delivery", "Pending", "SocketPage", "WorkerContract"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message in the hands of a worker. ``tag`` identifies the entry to the layer within its channel, ``size`` is
    what it takes of the channel's capacity, in bytes, where the layer has to be told that."""

    envelope: Envelope
    tag: str
    redelivered: bool = False
    size: int = field(default=0, compare=False)

    @property
    def channel(self) -> str:
        return self.envelope.channel


@dataclass(frozen=True, slots=True)
class Commit:
    """What is to become of one message that was handled; see `Layer.commit_all`.

    ``failed``: its consumer raised, and nobody answered in its place.
    """

    delivery: Delivery
    outputs: Sequence[Output] = ()
    session: Content | None = None
    failed: bool = False


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
class DeadLetter:
    """A message that was given up. ``tag`` identifies it to the layer, ``at`` is the server's clock in seconds."""

    tag: str
    envelope: Envelope
    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class SocketPage:
    """The answer of `Layer.scan_sockets`. ``more``: this scan has not come to its end."""

    sockets: Sequence[SocketState]
    more: bool


class WorkerContract(ABC):
    """What holds of every method stands in `base`."""

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
        """Acknowledge an HTTP request before it runs, telling its interface who runs it (`Claimed`); or a message of no
        socket, which then is gone whatever becomes of it.

        False if it is not the worker's, or past its time, or its client is gone (`report_written` of -1); in the latter
        two cases it is dropped.
        """

    @abstractmethod
    async def await_reports(self, channels: Collection[str], *, wait: float) -> Mapping[str, int]:
        """Read unread reports of `report_written` on any of ``channels``: at most one for each, none twice, and those
        of one channel in their order, where a later one may stand for those before it.

        Waits up to ``wait`` seconds for the first one. Need not return all there are: the next call returns the rest.
        What a cancelled call has read is lost.
        """

    async def await_report(self, channel: str, *, wait: float) -> int | None:
        """`await_reports` of one channel; None if there was none."""
        return (await self.await_reports([channel], wait=wait)).get(channel)

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
    async def known_interfaces(self, *, watched: float) -> Collection[str] | None:
        """Return the interfaces that have an inbox or records, or None unless `watch_interfaces` has been called for
        ``watched`` seconds without a break, on these data of the server.

        After a loss of data the interfaces that live make themselves known again. So if ``watched`` is a lease, each
        interface that is not in the answer is dead: it did not show itself for a lease, or all its sockets were
        reported. One that was named to somebody before the call, and lives, is in the answer.

        Raises:
            LayerUnavailable: one of the hosts did not answer, whose interfaces are not known.
        """

    @abstractmethod
    async def sockets_of(self, interface: str) -> Sequence[SocketState]:
        """Records of the interface's sockets, at most a few hundred: those with nothing under way first."""

    @abstractmethod
    async def scan_sockets(self, interface: str, *, every: float, include_busy: bool = False) -> SocketPage | None:
        """Return the next of the interface's sockets that have nothing under way, and with ``include_busy`` of the
        others too, a few hundred at most; None if there is no record of the interface's sockets.

        All callers share one scan, so that workers that clean up after the same interface divide its sockets: each
        socket is on one page. What a caller had that died, or whose answer was lost, is on a page of the next scan. A
        scan begins ``every`` seconds after the last one began, or when that one ends; until then pages are empty.
        """

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
