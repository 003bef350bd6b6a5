"""The layer inside one process: for tests, CI and ``runserver``.

Interface and worker may live in different threads with an event loop each. So all state stands under one lock, held
only for moments and never across an await, and whoever waits is woken through its own loop. Contents are copied
through the serializer: a receiver never shares an object with a sender, and what couldn't cross to another
process fails here too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import ClassVar, TypeVar

from switchboard.events import (
    Ack,
    Claimed,
    Content,
    Envelope,
    GroupMessage,
    InboxEntry,
    InboxEvent,
    Join,
    Leave,
    Output,
)
from switchboard.exceptions import ChannelFull, InboxLost
from switchboard.layers.base import Attempt, Beat, Begun, Delivery, Enqueued, Layer, Pending
from switchboard.layers.capacity import DEFAULT_CAPACITY, Capacities
from switchboard.layers.serialization import Serializer
from switchboard.layers.waking import Bell
from switchboard.names import CONNECT, DISCONNECT, interface_of, token

T = TypeVar("T")

#: Most entries that one `read_inbox` returns, and most pending ones that one `pending` shows of a channel.
BATCH = 500


class _Entry:
    """A message on a channel; ``owner`` is None until a worker receives it."""

    __slots__ = ("attempts", "deadline", "delivered_at", "envelope", "owner")

    def __init__(self, envelope: Envelope, deadline: float | None = None) -> None:
        self.envelope = envelope
        self.deadline = deadline
        self.owner: str | None = None
        self.delivered_at = 0
        self.attempts = 0

    def deliver(self, worker: str) -> None:
        self.owner = worker
        self.delivered_at = _now_ms()


class _Record:
    """What the layer knows of one socket."""

    __slots__ = ("acked", "sent", "session")

    def __init__(self) -> None:
        self.sent = -1
        self.acked = -1
        self.session: Content | None = None


class _Inbox:
    """The numbered entries for one interface; ``joins`` has the number of each group's last join."""

    def __init__(self) -> None:
        self.bell = Bell()
        self.entries: dict[int, InboxEntry] = {}
        self.joins: dict[str, int] = {}
        self.last = 0

    def append(self, events: Sequence[InboxEvent], socket: str | None = None, order: int | None = None) -> None:
        self.last += 1
        self.entries[self.last] = InboxEntry(self.last, tuple(events), socket, order)
        self.joins.update({event.group: self.last for event in events if isinstance(event, Join)})
        self.bell.ring()


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class MemoryLayer(Layer):
    """``CONFIG``: ``capacity``, ``channel_capacity``."""

    crosses_processes: ClassVar[bool] = False

    def __init__(self, capacity: int = DEFAULT_CAPACITY, channel_capacity: Mapping[str, int] | None = None) -> None:
        self._capacities = Capacities(capacity, channel_capacity)
        self._copy = Serializer().copy
        self._lock = threading.Lock()
        self._clear()

    def _clear(self) -> None:
        self._run_id = token()
        self._tags = count(1)
        self._channels: dict[str, dict[str, _Entry]] = {}
        self._arrived = Bell()
        self._records: dict[str, _Record] = {}
        self._inboxes: dict[str, _Inbox] = {}
        self._groups: dict[str, set[str]] = {}
        self._beats: dict[str, int] = {}
        self._reports: dict[str, list[int]] = {}
        self._reported = Bell()

    # -- for interfaces

    async def open_inbox(self, interface: str) -> Beat:
        with self._lock:
            self._inboxes[interface] = _Inbox()
            return Beat(0, self._run_id)

    async def close_inbox(self, interface: str) -> None:
        with self._lock:
            self._inboxes.pop(interface, None)
            for group in [group for group, members in self._groups.items() if interface in members]:
                self._drop(interface, group)

    async def read_inbox(self, interface: str, after: int, *, wait: float) -> Sequence[InboxEntry]:
        def unread() -> list[InboxEntry]:
            inbox = self._inboxes.get(interface)
            if inbox is None:
                return []
            first = max(after, inbox.last - len(inbox.entries)) + 1
            return [inbox.entries[number] for number in range(first, inbox.last + 1)[:BATCH]]

        inbox = self._inboxes.get(interface)
        return await self._wait_for(unread, inbox.bell if inbox else Bell(), wait)

    async def beat(self, interface: str, read: int) -> Beat:
        with self._lock:
            inbox = self._inboxes.get(interface)
            if inbox is None:
                raise InboxLost(interface)
            for number in [number for number in inbox.entries if number <= read]:
                del inbox.entries[number]
            return Beat(inbox.last, self._run_id)

    async def enqueue(self, envelope: Envelope) -> Enqueued:
        assert envelope.socket is not None and envelope.order is not None
        content = self._copy(envelope.content)
        with self._lock:
            record = self._records.get(envelope.socket)
            if record is None:
                if envelope.order > 0:
                    return Enqueued.UNKNOWN
                record = _Record()
            if envelope.order <= record.acked:
                return Enqueued.DONE
            if envelope.order <= record.sent:
                return Enqueued.QUEUED
            if envelope.channel != DISCONNECT and not self._room(envelope.channel):
                return Enqueued.FULL
            if envelope.channel == CONNECT:
                self._records[envelope.socket] = record
            record.sent = envelope.order
            self._append(replace(envelope, content=content, session=record.session))
            return Enqueued.QUEUED

    async def request(self, envelope: Envelope, *, timeout: float) -> bool:
        envelope = replace(envelope, content=self._copy(envelope.content))
        with self._lock:
            if not self._room(envelope.channel):
                return False
            self._append(envelope, deadline=time.monotonic() + timeout)
            return True

    async def leave(self, interface: str, group: str, read: int) -> bool:
        with self._lock:
            inbox = self._inboxes.get(interface)
            if inbox is not None and inbox.joins.get(group, 0) > read:
                return False
            self._drop(interface, group)
            return True

    async def report_written(self, channel: str, total: int) -> None:
        with self._lock:
            self._reports.setdefault(channel, []).append(total)
        self._reported.ring()

    # -- for workers

    async def receive(self, worker: str, channels: Collection[str], *, count: int, wait: float) -> Sequence[Delivery]:
        def take() -> list[Delivery]:
            taken = []
            for channel in channels:
                waiting = [tag for tag, entry in self._channels.get(channel, {}).items() if entry.owner is None]
                for tag in waiting[:count]:
                    entry = self._channels[channel][tag]
                    entry.deliver(worker)
                    taken.append(Delivery(entry.envelope, tag))
            return taken

        return await self._wait_for(take, self._arrived, wait)

    async def commit(
        self,
        worker: str,
        delivery: Delivery,
        outputs: Sequence[Output] = (),
        *,
        session: Content | None = None,
        failed: bool = False,
    ) -> bool:
        outputs = [self._copied(output) for output in outputs]
        session = None if session is None else self._copy(session)
        with self._lock:
            if not self._owns(worker, delivery):
                return False
            del self._channels[delivery.channel][delivery.tag]
            socket, order = delivery.envelope.socket, delivery.envelope.order
            if socket is None or order is None:
                self._deliver(outputs)
                return True
            # Without its record the socket is gone; a record made here would have nobody to remove it.
            record = self._records.get(socket) or _Record()
            if order <= record.acked:
                outputs, session = [], None
            record.acked = max(record.acked, order)
            record.session = record.session if session is None else session
            self._deliver([*outputs, Ack(socket, order, failed, session)], socket, order)
            if delivery.channel == DISCONNECT:
                self._records.pop(socket, None)
            return True

    async def claim_request(self, worker: str, delivery: Delivery) -> bool:
        with self._lock:
            if not self._owns(worker, delivery):
                return False
            deadline = self._channels[delivery.channel].pop(delivery.tag).deadline
            if deadline is not None and time.monotonic() > deadline:
                return False
            if delivery.envelope.socket is not None:
                self._deliver([Claimed(delivery.envelope.socket, worker)])
            return True

    async def await_report(self, channel: str, *, wait: float) -> int | None:
        def next_report() -> list[int]:
            reports = self._reports.pop(channel, [])
            if reports[1:]:
                self._reports[channel] = reports[1:]
            return reports[:1]

        return next(iter(await self._wait_for(next_report, self._reported, wait)), None)

    async def renew(self, worker: str, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        with self._lock:
            lost = [delivery for delivery in deliveries if not self._owns(worker, delivery)]
            for delivery in deliveries:
                if delivery not in lost:
                    self._channels[delivery.channel][delivery.tag].deliver(worker)
            return lost

    async def pending(self, channels: Collection[str], *, idle: float) -> Sequence[Pending]:
        with self._lock:
            since = _now_ms() - int(idle * 1000)
            return [
                Pending(channel, tag, entry.owner, entry.delivered_at)
                for channel in channels
                for tag, entry in self._channels.get(channel, {}).items()
                if entry.owner is not None and entry.delivered_at <= since
            ][:BATCH]

    async def take_over(self, worker: str, pending: Pending) -> Delivery | None:
        with self._lock:
            entry = self._channels.get(pending.channel, {}).get(pending.tag)
            if entry is None or (entry.owner, entry.delivered_at) != (pending.owner, pending.delivered_at):
                return None
            entry.deliver(worker)
            return Delivery(entry.envelope, pending.tag, redelivered=True)

    async def begin(self, worker: str, delivery: Delivery) -> Attempt:
        with self._lock:
            if not self._owns(worker, delivery):
                return Attempt(Begun.LOST)
            socket, order = delivery.envelope.socket, delivery.envelope.order
            record = self._records.get(socket) if socket else None
            if socket and order is not None and record and order <= record.acked:
                del self._channels[delivery.channel][delivery.tag]
                self._deliver([Ack(socket, order)], socket, order)
                return Attempt(Begun.HANDLED)
            entry = self._channels[delivery.channel][delivery.tag]
            entry.attempts += 1
            return Attempt(Begun.RUN, entry.attempts)

    async def beat_worker(self, worker: str) -> None:
        with self._lock:
            self._beats[worker] = self._beats.get(worker, 0) + 1

    async def worker_beats(self) -> Mapping[str, int]:
        with self._lock:
            return dict(self._beats)

    async def retire(self, worker: str, channels: Collection[str]) -> None:
        with self._lock:
            self._beats.pop(worker, None)

    # -- for both

    async def publish(self, outputs: Sequence[Output]) -> None:
        outputs = [self._copied(output) for output in outputs]
        with self._lock:
            for output in outputs:
                if isinstance(output, Envelope) and not self._room(output.channel):
                    raise ChannelFull(output.channel)
            self._deliver(outputs)

    async def has_room(self, channel: str) -> bool:
        with self._lock:
            return self._room(channel)

    async def depth(self, channel: str) -> int:
        with self._lock:
            return len(self._channels.get(channel, ()))

    async def flush(self) -> None:
        with self._lock:
            self._clear()

    async def close(self) -> None:
        """Nothing is held for a loop."""

    # -- under the lock

    def _room(self, channel: str) -> bool:
        return len(self._channels.get(channel, ())) < self._capacities.of(channel)

    def _owns(self, worker: str, delivery: Delivery) -> bool:
        entry = self._channels.get(delivery.channel, {}).get(delivery.tag)
        return entry is not None and entry.owner == worker

    def _append(self, envelope: Envelope, deadline: float | None = None) -> None:
        self._channels.setdefault(envelope.channel, {})[str(next(self._tags))] = _Entry(envelope, deadline)
        self._arrived.ring()

    def _deliver(
        self, outputs: Iterable[Output | InboxEvent], socket: str | None = None, order: int | None = None
    ) -> None:
        """One entry for each interface that any of ``outputs`` concerns; envelopes onto their channels."""
        for_interface: dict[str, list[InboxEvent]] = {}
        for output in outputs:
            if isinstance(output, Envelope):
                self._append(output)
                continue
            for interface in self._concerned(output):
                for_interface.setdefault(interface, []).append(output)
        for interface, events in for_interface.items():
            at_home = socket is not None and interface == interface_of(socket)
            self._inboxes[interface].append(events, *((socket, order) if at_home else ()))

    def _concerned(self, event: InboxEvent) -> list[str]:
        if isinstance(event, GroupMessage):
            return sorted(self._groups.get(event.group, ()))
        interface = interface_of(event.channel)
        if interface not in self._inboxes:
            return []
        if isinstance(event, Join):
            self._groups.setdefault(event.group, set()).add(interface)
        return [interface]

    def _drop(self, interface: str, group: str) -> None:
        members = self._groups.get(group, set())
        members.discard(interface)
        if not members:
            self._groups.pop(group, None)

    # -- waiting and copying

    async def _wait_for(self, take: Callable[[], list[T]], bell: Bell, wait: float) -> list[T]:
        """What ``take`` gives, tried again whenever ``bell`` rings, until ``wait`` seconds are over."""
        deadline = time.monotonic() + wait
        while True:
            with bell.listening() as rung:
                with self._lock:
                    taken = take()
                if taken or not await rung.wait(deadline - time.monotonic()):
                    return taken

    def _copied(self, output: Output) -> Output:
        if isinstance(output, (Join, Leave)):
            return output
        return replace(output, content=self._copy(output.content))
