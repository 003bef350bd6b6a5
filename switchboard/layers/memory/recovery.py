"""Bringing back records and memberships, and finding what the dead left behind."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence

from switchboard.layers.base import Layer, SocketPage, SocketState
from switchboard.layers.memory.shared import BATCH, Shared
from switchboard.layers.memory.state import Record, Scan
from switchboard.leases import Stillness


class Recovery(Shared, Layer):
    """The methods for what outlives a fault; the contract is `Layer`'s."""

    async def restore(self, sockets: Sequence[SocketState]) -> None:
        with self._lock:
            for socket in sockets:
                known = self._state.records.get(socket.channel)
                if known is None or socket.acked > known.acked:
                    session = None if socket.session is None else self._copy(socket.session)
                    record = Record(socket.path, socket.acked, session)
                    record.sent = max(socket.acked, known.sent if known else socket.acked)
                    self._state.add_record(socket.channel, record)

    async def rejoin(self, interface: str, groups: Collection[str]) -> None:
        with self._lock:
            if interface in self._state.inboxes:
                for group in groups:
                    self._state.groups.setdefault(group, set()).add(interface)

    async def interface_beats(self) -> Mapping[str, int]:
        with self._lock:
            return dict(self._state.interfaces)

    async def watch_interfaces(self, *, unbroken: float) -> Mapping[str, float]:
        with self._lock:
            self._state.watch = self._state.watch or Stillness(unbroken=unbroken)
            return self._state.watch.look(self._state.interfaces, time.monotonic())

    async def known_interfaces(self, *, watched: float) -> Collection[str] | None:
        with self._lock:
            seconds = self._state.watch.watched(time.monotonic()) if self._state.watch else None
            return None if seconds is None or seconds < watched else list(self._state.interfaces)

    async def sockets_of(self, interface: str) -> Sequence[SocketState]:
        with self._lock:
            states = [_state_of(name, record) for name, record in self._state.records_of(interface).items()]
        return sorted(states, key=lambda state: state.sent > state.acked)[:BATCH]

    async def scan_sockets(self, interface: str, *, every: float, include_busy: bool = False) -> SocketPage | None:
        with self._lock:
            records, scans = self._state.records_of(interface), self._state.scans
            if not records:
                return None
            scan = scans.get(interface)
            if scan is None or (not scan.left and time.monotonic() - scan.began >= every):
                scan = scans[interface] = Scan(list(records))
            sockets: list[SocketState] = []
            while scan.left and len(sockets) < BATCH:
                name = scan.left.pop()
                record = records.get(name)
                if record is not None and (include_busy or record.sent == record.acked):
                    sockets.append(_state_of(name, record))
            return SocketPage(sockets, bool(scan.left))


def _state_of(name: str, record: Record) -> SocketState:
    return SocketState(name, record.sent, record.acked, record.path, record.session)
