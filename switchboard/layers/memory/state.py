"""What the layer knows: messages, records, inboxes, groups. Nothing here locks or waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any, TypeAlias

from switchboard.events import (
    Content,
    Envelope,
    GroupMessage,
    InboxEntry,
    InboxEvent,
    Join,
    Output,
    Tip,
    event_to_wire,
)
from switchboard.layers.base import DeadLetter, Delivery
from switchboard.layers.capacity import MOST_DEAD_LETTERS, Capacities
from switchboard.layers.memory.waking import Bell
from switchboard.leases import Stillness
from switchboard.names import interface_of, token

#: The bytes of a value on the wire.
Measure: TypeAlias = Callable[[Any], int]


def now_ms() -> int:
    """A clock for leases."""
    return time.monotonic_ns() // 1_000_000


class Entry:
    """A message on a channel; ``owner`` is None until a worker receives it. ``size`` counts for the capacity."""

    __slots__ = ("attempts", "deadline", "delivered_at", "envelope", "owner", "size")

    def __init__(self, envelope: Envelope, measure: Measure, deadline: float | None = None) -> None:
        self.envelope = envelope
        self.size = measure([envelope.id, envelope.content, envelope.socket, envelope.order, envelope.session])
        self.deadline = deadline
        self.owner: str | None = None
        self.delivered_at = 0
        self.attempts = 0

    def deliver(self, worker: str) -> None:
        self.owner = worker
        self.delivered_at = now_ms()


class Record:
    """What the layer knows of one socket."""

    __slots__ = ("acked", "path", "sent", "session")

    def __init__(self, path: str = "", acked: int = -1, session: Content | None = None) -> None:
        self.sent = acked
        self.acked = acked
        self.path = path
        self.session = session


class Scan:
    """A scan of an interface's sockets: those that are left of it."""

    __slots__ = ("began", "left")

    def __init__(self, left: list[str]) -> None:
        self.began = time.monotonic()
        self.left = left


class Inbox:
    """The numbered entries for one interface, and their bytes; ``joins`` has the number of each group's last join."""

    def __init__(self) -> None:
        self.bell = Bell()
        self.entries: dict[int, InboxEntry] = {}
        self.size = 0
        self.joins: dict[str, int] = {}
        self.last = 0

    def has_room(self, size: int, limit: int) -> bool:
        """Whether so many bytes more are at most ``limit``. An empty inbox has room for any."""
        return self.size == 0 or self.size + size <= limit

    def drop(self, read: int) -> None:
        """Forget the entries up to the number ``read``."""
        for number in [number for number in self.entries if number <= read]:
            self.size -= self.entries.pop(number).size

    def append(
        self, events: Sequence[InboxEvent], socket: str | None = None, order: int | None = None, *, size: int = 0
    ) -> None:
        self.last += 1
        self.entries[self.last] = InboxEntry(self.last, tuple(events), socket, order, size)
        self.size += size
        self.joins.update({event.group: self.last for event in events if isinstance(event, Join)})
        self.bell.ring()


class State:
    """Everything, and the steps that several methods of the layer have in common."""

    def __init__(self, capacities: Capacities, measure: Measure) -> None:
        self.measure = measure
        self.run_id = token()
        self.channels: dict[str, dict[str, Entry]] = {}
        self.arrived = Bell()
        self.records: dict[str, Record] = {}
        self.inboxes: dict[str, Inbox] = {}
        #: Interfaces whose inbox was removed because it held too much.
        self.removed: set[str] = set()
        #: Heartbeats. An interface is in it as long as it has an inbox or records.
        self.interfaces: dict[str, int] = {}
        self.watch: Stillness[str] | None = None
        self.scans: dict[str, Scan] = {}
        self.groups: dict[str, set[str]] = {}
        self.workers: dict[str, int] = {}
        self.dead_letters: dict[str, DeadLetter] = {}
        self.reports: dict[str, list[int]] = {}
        self.reported = Bell()
        self._capacities = capacities
        self._tags = count(1)

    def room(self, channel: str, size: int = 1) -> bool:
        """Whether the channel takes a message of ``size`` bytes."""
        capacity = self._capacities.of(channel)
        entries = self.channels.get(channel, {})
        held = sum(entry.size for entry in entries.values())
        return not entries or (len(entries) < capacity.messages and held + size <= capacity.size)

    def size_of(self, event: InboxEvent) -> int:
        """The bytes that the event takes in an inbox."""
        return self.measure(event_to_wire(event))

    def owns(self, worker: str, delivery: Delivery) -> bool:
        """Whether the delivery is pending and the worker's."""
        entry = self.channels.get(delivery.channel, {}).get(delivery.tag)
        return entry is not None and entry.owner == worker

    def append(self, entry: Entry) -> None:
        """Put a message on its channel."""
        self.channels.setdefault(entry.envelope.channel, {})[str(next(self._tags))] = entry
        self.arrived.ring()

    def add_record(self, socket: str, record: Record) -> None:
        """Note down a socket, and its interface with it."""
        self.records[socket] = record
        self.interfaces.setdefault(interface_of(socket), 0)

    def records_of(self, interface: str) -> dict[str, Record]:
        """The records of an interface's sockets."""
        return {name: record for name, record in self.records.items() if interface_of(name) == interface}

    def bury(self, envelope: Envelope, reason: str) -> None:
        """Make the message a dead letter."""
        tag = str(next(self._tags))
        self.dead_letters[tag] = DeadLetter(tag, envelope, reason, time.time())
        if len(self.dead_letters) > MOST_DEAD_LETTERS:
            del self.dead_letters[next(iter(self.dead_letters))]

    def deliver(
        self, outputs: Iterable[Output | InboxEvent], socket: str | None = None, order: int | None = None
    ) -> None:
        """One entry for each interface that any of ``outputs`` concerns; envelopes onto their channels."""
        for_interface: dict[str, list[InboxEvent]] = {}
        for output in outputs:
            if isinstance(output, Envelope):
                self.append(Entry(output, self.measure))
                continue
            for interface in self._concerned(output):
                for_interface.setdefault(interface, []).append(output)
        for interface, events in for_interface.items():
            at_home = socket is not None and interface == interface_of(socket)
            inbox, size = self.inboxes[interface], sum(map(self.size_of, events))
            if inbox.has_room(size, self._capacities.inbox_bytes):
                inbox.append(events, *((socket, order) if at_home else ()), size=size)
            else:
                self.remove_inbox(interface)
                self.removed.add(interface)

    def remove_inbox(self, interface: str) -> None:
        """Remove an inbox, and its interface from its groups."""
        self.inboxes.pop(interface, None)
        for group in [group for group, members in self.groups.items() if interface in members]:
            self.drop(interface, group)

    def _concerned(self, event: InboxEvent) -> list[str]:
        if isinstance(event, (GroupMessage, Tip)):
            return sorted(self.groups.get(event.group, ()))
        interface = interface_of(event.channel)
        if interface not in self.inboxes:
            return []
        if isinstance(event, Join):
            self.groups.setdefault(event.group, set()).add(interface)
        return [interface]

    def drop(self, interface: str, group: str) -> None:
        """Take the interface out of the group."""
        members = self.groups.get(group, set())
        members.discard(interface)
        if not members:
            self.groups.pop(group, None)
