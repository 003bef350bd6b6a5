"""What workers ask: messages, commits, each other's leases."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from switchboard.events import Ack, Claimed, Output
from switchboard.layers.base import Attempt, Begun, Commit, Delivery, Layer, Pending
from switchboard.layers.memory.shared import BATCH, Shared
from switchboard.layers.memory.state import Record, now_ms
from switchboard.names import DISCONNECT


class WorkerSide(Shared, Layer):
    """The methods for workers; the contract is `Layer`'s."""

    async def take(self, worker: str, channels: Collection[str], *, count: int, wait: float) -> Sequence[Delivery]:
        def oldest() -> list[Delivery]:
            taken = []
            for channel in channels:
                waiting = [tag for tag, entry in self._state.channels.get(channel, {}).items() if entry.owner is None]
                for tag in waiting[:count]:
                    entry = self._state.channels[channel][tag]
                    entry.deliver(worker)
                    taken.append(Delivery(entry.envelope, tag))
            return taken

        return await self._wait_for(oldest, self._state.arrived, wait)

    async def commit_all(self, worker: str, commits: Sequence[Commit]) -> Sequence[bool]:
        crossed = [self._crossed(commit) for commit in commits]
        with self._lock:
            return [self._commit(worker, commit) for commit in crossed]

    async def bury(self, worker: str, delivery: Delivery, outputs: Sequence[Output] = (), *, reason: str) -> bool:
        commit = self._crossed(Commit(delivery, outputs, failed=True))
        with self._lock:
            return self._commit(worker, commit, reason=reason)

    def _crossed(self, commit: Commit) -> Commit:
        """As it would be on the other side of a wire."""
        session = None if commit.session is None else self._copy(commit.session)
        return replace(commit, outputs=[self._copied(output) for output in commit.outputs], session=session)

    def _commit(self, worker: str, commit: Commit, *, reason: str | None = None) -> bool:
        delivery, outputs, session = commit.delivery, commit.outputs, commit.session
        if not self._state.owns(worker, delivery):
            return False
        del self._state.channels[delivery.channel][delivery.tag]
        fresh = True
        socket, order = delivery.envelope.socket, delivery.envelope.order
        if socket is None or order is None:
            self._state.deliver(outputs)
        else:
            # Without its record the socket is gone; a record made here would have nobody to remove it.
            record = self._state.records.get(socket) or Record()
            fresh = order > record.acked
            if not fresh:
                outputs, session = (), None
            record.acked = max(record.acked, order)
            record.session = record.session if session is None else session
            self._state.deliver([*outputs, Ack(socket, order, commit.failed, session)], socket, order)
            if delivery.channel == DISCONNECT:
                self._state.records.pop(socket, None)
        if fresh and reason is not None:
            self._state.bury(delivery.envelope, reason)
        return True

    async def claim_request(self, worker: str, delivery: Delivery) -> bool:
        with self._lock:
            if not self._state.owns(worker, delivery):
                return False
            deadline = self._state.channels[delivery.channel].pop(delivery.tag).deadline
            if deadline is not None and time.monotonic() > deadline:
                return False
            # Nobody has written anything yet, so what was reported is that the client is gone.
            if self._state.reports.pop(delivery.envelope.socket or "", None):
                return False
            if delivery.envelope.socket is not None:
                self._state.deliver([Claimed(delivery.envelope.socket, worker)])
            return True

    async def await_reports(self, channels: Collection[str], *, wait: float) -> Mapping[str, int]:
        def unread() -> list[tuple[str, int]]:
            reports = self._state.reports
            return [(channel, reports.pop(channel)[-1]) for channel in set(channels) & reports.keys()]

        return dict(await self._wait_for(unread, self._state.reported, wait))

    async def renew(self, worker: str, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        with self._lock:
            lost = [delivery for delivery in deliveries if not self._state.owns(worker, delivery)]
            for delivery in deliveries:
                if delivery not in lost:
                    self._state.channels[delivery.channel][delivery.tag].deliver(worker)
            return lost

    async def pending(self, channels: Collection[str], *, idle: float) -> Sequence[Pending]:
        with self._lock:
            since = now_ms() - int(idle * 1000)
            return [
                Pending(channel, tag, entry.owner, entry.delivered_at)
                for channel in channels
                for tag, entry in self._state.channels.get(channel, {}).items()
                if entry.owner is not None and entry.delivered_at <= since
            ][:BATCH]

    async def take_over(self, worker: str, pending: Pending) -> Delivery | None:
        with self._lock:
            entry = self._state.channels.get(pending.channel, {}).get(pending.tag)
            if entry is None or (entry.owner, entry.delivered_at) != (pending.owner, pending.delivered_at):
                return None
            entry.deliver(worker)
            return Delivery(entry.envelope, pending.tag, redelivered=True)

    async def begin(self, worker: str, delivery: Delivery) -> Attempt:
        with self._lock:
            if not self._state.owns(worker, delivery):
                return Attempt(Begun.LOST)
            socket, order = delivery.envelope.socket, delivery.envelope.order
            record = self._state.records.get(socket) if socket else None
            if socket and order is not None and record and order <= record.acked:
                del self._state.channels[delivery.channel][delivery.tag]
                self._state.deliver([Ack(socket, order)], socket, order)
                return Attempt(Begun.HANDLED)
            entry = self._state.channels[delivery.channel][delivery.tag]
            entry.attempts += 1
            return Attempt(Begun.RUN, entry.attempts)

    async def forgive(self, worker: str, delivery: Delivery) -> None:
        with self._lock:
            if self._state.owns(worker, delivery):
                entry = self._state.channels[delivery.channel][delivery.tag]
                entry.attempts = max(entry.attempts - 1, 0)

    async def beat_worker(self, worker: str) -> None:
        with self._lock:
            self._state.workers[worker] = self._state.workers.get(worker, 0) + 1

    async def worker_beats(self) -> Mapping[str, int]:
        with self._lock:
            return dict(self._state.workers)

    async def retire(self, worker: str, channels: Collection[str]) -> None:
        with self._lock:
            # What it holds keeps it here: a heartbeat that stands still says that there is a worker to be forgotten.
            if not any(entry.owner == worker for on in self._state.channels.values() for entry in on.values()):
                self._state.workers.pop(worker, None)
