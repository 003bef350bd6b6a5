"""Bringing back what Redis lost, and finding what the dead left behind."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from typing import Final

from switchboard.layers.base import Layer, SocketPage, SocketState
from switchboard.layers.redis.shared import Shared
from switchboard.layers.redis.wire import Word

#: Most records that one `sockets_of` shows.
_BATCH: Final = 500
#: Records on one page of `scan_sockets`, about, and those that one call looks at for it: of an interface that was
#: reported already nearly all have something under way.
_PAGE: Final = 400
_MAX_SCANNED: Final = 4_000


class Recovery(Shared, Layer):
    """The methods for what outlives a fault; the contract is `Layer`'s."""

    async def restore(self, sockets: Sequence[SocketState]) -> None:
        if sockets:
            await self._run("restore", *chain.from_iterable(self._record(socket) for socket in sockets))

    def _record(self, socket: SocketState) -> tuple[Word, ...]:
        session = b"" if socket.session is None else self._wire.session(socket.session)
        return socket.channel, socket.acked, session, socket.path

    async def rejoin(self, interface: str, groups: Collection[str]) -> None:
        if groups:
            await self._run("rejoin", interface, *groups)

    async def interface_beats(self) -> Mapping[str, int]:
        return await self._read_counts(self._keys.interfaces)

    async def watch_interfaces(self, *, unbroken: float) -> Mapping[str, float]:
        answer = await self._run("watch_interfaces", int(unbroken * 1000))
        return {name.decode(): still / 1000 for name, still in zip(answer[::2], answer[1::2], strict=True)}

    async def known_interfaces(self, *, watched: float) -> Collection[str] | None:
        names = await self._run("known_interfaces", int(watched * 1000))
        return None if names is None else [name.decode() for name in names]

    async def sockets_of(self, interface: str) -> Sequence[SocketState]:
        return [self._state(row) for row in await self._run("sockets_of", interface, _BATCH)]

    async def scan_sockets(self, interface: str, *, every: float, include_busy: bool = False) -> SocketPage | None:
        options = _PAGE, _MAX_SCANNED, int(every * 1000), int(include_busy)
        answer = await self._run("scan_sockets", interface, *options)
        if answer is None:
            return None
        more, rows = answer
        return SocketPage([self._state(row) for row in rows], bool(more))

    def _state(self, row: tuple[bytes, int, int, bytes, bytes]) -> SocketState:
        name, sent, acked, session, path = row
        return SocketState(name.decode(), sent, acked, path.decode(), self._wire.read_session(session))
