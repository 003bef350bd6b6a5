"""What interfaces ask: inboxes, socket records, requests, leaves."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from switchboard.events import Envelope, InboxEntry
from switchboard.exceptions import InboxLost, InboxRemoved
from switchboard.layers.base import MAX_READ, Beat, Enqueued, Layer, Receipt
from switchboard.layers.memory.shared import Shared
from switchboard.layers.memory.state import Entry, Inbox, Record
from switchboard.layers.memory.waking import Bell
from switchboard.names import DISCONNECT


class InterfaceSide(Shared, Layer):
    """The methods for interfaces; the contract is `Layer`'s."""

    async def open_inbox(self, interface: str) -> Beat:
        with self._lock:
            self._state.inboxes[interface] = Inbox()
            self._state.removed.discard(interface)
            self._state.interfaces[interface] = self._state.interfaces.get(interface, 0) + 1
            return Beat(0, self._state.run_id)

    async def close_inbox(self, interface: str) -> None:
        with self._lock:
            self._state.remove_inbox(interface)
            self._state.removed.discard(interface)
            self._state.scans.pop(interface, None)
            # As long as there are records, the heartbeat that stands still has the reaper come for them.
            if not self._state.records_of(interface):
                self._state.interfaces.pop(interface, None)

    async def read_inbox(
        self, interface: str, after: int, *, wait: float, count: int = MAX_READ, drop: bool = False
    ) -> Sequence[InboxEntry]:
        def unread() -> list[InboxEntry]:
            inbox = self._state.inboxes.get(interface)
            if inbox is None:
                return []
            if drop:
                inbox.drop(after)
            first = max(after, inbox.last - len(inbox.entries)) + 1
            return [inbox.entries[number] for number in range(first, inbox.last + 1)[:count]]

        inbox = self._state.inboxes.get(interface)
        return await self._wait_for(unread, inbox.bell if inbox else Bell(), wait)

    async def beat(self, interface: str, read: int) -> Beat:
        with self._lock:
            inbox = self._state.inboxes.get(interface)
            if inbox is None:
                raise (InboxRemoved if interface in self._state.removed else InboxLost)(interface)
            inbox.drop(read)
            self._state.interfaces[interface] += 1
            return Beat(inbox.last, self._state.run_id)

    async def enqueue_many(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        copies = [replace(envelope, content=self._copy(envelope.content)) for envelope in envelopes]
        with self._lock:
            return [self._enqueue(envelope) for envelope in copies]

    def _enqueue(self, envelope: Envelope) -> Receipt:
        assert envelope.socket is not None and envelope.order is not None
        record = self._state.records.get(envelope.socket)
        if record is None:
            if envelope.order > 0:
                return Receipt(Enqueued.UNKNOWN)
            record = Record(envelope.content.get("path", ""))
        if envelope.order <= record.acked:
            return Receipt(Enqueued.DONE, record.session)
        if envelope.order <= record.sent:
            return Receipt(Enqueued.QUEUED)
        queued = Entry(replace(envelope, session=record.session), self._state.measure)
        if envelope.channel != DISCONNECT and not self._state.room(envelope.channel, queued.size):
            return Receipt(Enqueued.FULL)
        self._state.add_record(envelope.socket, record)
        record.sent = envelope.order
        self._state.append(queued)
        return Receipt(Enqueued.QUEUED)

    async def request(self, envelope: Envelope, *, timeout: float) -> bool:
        envelope = replace(envelope, content=self._copy(envelope.content))
        with self._lock:
            entry = Entry(envelope, self._state.measure, deadline=time.monotonic() + timeout)
            if not self._state.room(envelope.channel, entry.size):
                return False
            self._state.append(entry)
            return True

    async def leave(self, interface: str, group: str, read: int) -> bool:
        with self._lock:
            inbox = self._state.inboxes.get(interface)
            if inbox is not None and inbox.joins.get(group, 0) > read:
                return False
            self._state.drop(interface, group)
            return True

    async def report_written(self, channel: str, total: int) -> None:
        with self._lock:
            self._state.reports.setdefault(channel, []).append(total)
        self._state.reported.ring()
