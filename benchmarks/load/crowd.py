"""Members of rooms: picows sockets, all on one event loop.

picows parses frames in C and calls back without a task for each socket, so that this process is not what is measured.
How busy it was is part of every result.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from picows import WSCloseCode, WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from benchmarks.load.dialects import KEY_DIGITS, KEY_MARK, Dialect, Kind
from benchmarks.load.flights import Flights

__all__ = ["Crowd", "Member", "label"]

#: Handshakes at once: fewer than wait in the shortest default backlog of the servers compared (Twisted's, 50).
CONNECTING: Final = 40
#: Seconds for a handshake, and for being let into the room after it.
HANDSHAKE: Final = 30.0

_MARK_LENGTH: Final = len(KEY_MARK)
_KEY_END: Final = len(KEY_MARK) + KEY_DIGITS


def label(number: int) -> str:
    """The room of this number."""
    return f"bench-{number:05d}"


class Member(WSListener):
    """One socket in one room."""

    def __init__(self, room: str, dialect: Dialect, flights: Flights) -> None:
        super().__init__()
        self.room = room
        self.transport: WSTransport | None = None
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.stored = self.refused = 0
        #: The first refusal, word by word.
        self.refusal = b""
        self._listening = False
        self._dialect = dialect
        self._heard = flights.heard

    def say(self, frame: str) -> None:
        assert self.transport is not None
        self.transport.send(WSMsgType.TEXT, frame.encode())

    # -- called by picows

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        if self._dialect.opening is not None:
            self.say(self._dialect.opening)
        if not self._dialect.waits:
            self._become_ready()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        payload = frame.get_payload_as_bytes()
        if self._listening:
            at = payload.find(KEY_MARK)
            if at >= 0:
                self._heard(int(payload[at + _MARK_LENGTH : at + _KEY_END]))
                return
        self._other(frame.msg_type, payload)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._listening = False
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(f"the socket of {self.room} was closed before it was ready"))

    # -- the rest

    def _become_ready(self) -> None:
        self._listening = True
        if not self.ready.done():
            self.ready.set_result(None)

    def _other(self, kind: WSMsgType, payload: bytes) -> None:
        if kind is not WSMsgType.TEXT:
            return
        reading = self._dialect.read(payload)
        if reading.answer is not None:
            self.say(reading.answer)
        if reading.kind is Kind.READY:
            self._become_ready()
        elif reading.kind is Kind.STORED:
            self.stored += 1
        elif reading.kind is Kind.REFUSED:
            self.refused += 1
            self.refusal = self.refusal or payload

    @property
    def open(self) -> bool:
        return self._listening


class Crowd:
    """The members of all rooms of one run; ``rooms[n]`` are those of `label(n)`."""

    def __init__(self, urls: Sequence[str], dialect: Dialect, flights: Flights) -> None:
        self.dialect = dialect
        self.rooms: list[list[Member]] = []
        self._urls = itertools.cycle(urls)
        self._flights = flights

    @property
    def members(self) -> list[Member]:
        return [member for room in self.rooms for member in room]

    async def fill(self, rooms: int, members: int) -> None:
        """Open a socket for each member of each room, and wait until all are in.

        Raises ConnectionError, TimeoutError or WSError when one does not come in.
        """
        turn = asyncio.Semaphore(CONNECTING)

        async def enter(room: str) -> Member:
            async with turn:
                return await self._enter(room)

        first = len(self.rooms)
        async with asyncio.TaskGroup() as group:
            tasks = [
                [group.create_task(enter(label(first + number))) for _ in range(members)] for number in range(rooms)
            ]
        self.rooms += [[task.result() for task in of_room] for of_room in tasks]

    async def _enter(self, room: str) -> Member:
        member = Member(room, self.dialect, self._flights)
        headers = {"Sec-WebSocket-Protocol": self.dialect.subprotocol} if self.dialect.subprotocol else None
        await ws_connect(
            lambda: member,
            next(self._urls) + self.dialect.target(room),
            websocket_handshake_timeout=HANDSHAKE,
            extra_headers=headers,
        )
        await asyncio.wait_for(member.ready, HANDSHAKE)
        return member

    async def leave(self) -> None:
        """Close every socket, and wait until they are closed."""
        for member in self.members:
            if member.open and member.transport is not None:
                member.transport.send_close(WSCloseCode.OK)
                member.transport.disconnect()
        for member in self.members:
            if member.transport is not None:
                with suppress(TimeoutError, WSError):
                    await asyncio.wait_for(member.transport.wait_disconnected(), HANDSHAKE)
