"""What the layer knows: messages, records, inboxes, groups. Nothing here locks or waits."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from itertools import count

from switchboard.events import Content, Envelope, GroupMessage, InboxEntry, InboxEvent, Join, Output, Tip
from switchboard.layers.base import DeadLetter, Delivery
from switchboard.layers.capacity import MOST_DEAD_LETTERS, Capacities
from switchboard.layers.memory.waking import Bell
from switchboard.leases import Stillness
from switchboard.names import interface_of, token


def now_ms() -> int:
    """A clock for leases."""
    return time.monotonic_ns() // 1_000_000


class Entry:
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


class State:
    """Everything, and the steps that several methods of the layer have in common."""

    def __init__(self, capacities: Capacities) -> None:
        self.run_id = token()
        self.channels: dict[str, dict[str, Entry]] = {}
        self.arrived = Bell()
        self.records: dict[str, Record] = {}
        self.inboxes: dict[str, Inbox] = {}
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

    def room(self, channel: str) -> bool:
        """Whether the channel is below its capacity."""
        return len(self.channels.get(channel, ())) < self._capacities.of(channel)

    def owns(self, worker: str, delivery: Delivery) -> bool:
        """Whether the delivery is pending and the worker's."""
        entry = self.channels.get(delivery.channel, {}).get(delivery.tag)
        return entry is not None and entry.owner == worker

    def append(self, envelope: Envelope, deadline: float | None = None) -> None:
        self.channels.setdefault(envelope.channel, {})[str(next(self._tags))] = Entry(envelope, deadline)
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
                self.append(output)
                continue
            for interface in self._concerned(output):
                for_interface.setdefault(interface, []).append(output)
        for interface, events in for_interface.items():
            at_home = socket is not None and interface == interface_of(socket)
            self.inboxes[interface].append(events, *((socket, order) if at_home else ()))

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
