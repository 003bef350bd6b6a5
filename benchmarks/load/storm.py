"""A storm: everybody loses the connection at once, comes back when there is somebody to come back to, and catches up.

Only for `switchboard.v1`, which has a way to catch up. Each room says three messages. The first is heard by all. The
second is under way when the interface is killed (mark ``kill``). The third is said by the room's speaker as soon as it
is back, so that most of the others miss it and get it replayed. Everybody is in sync when every member of every room
has all three, under numbers without a hole; a message that was not acknowledged is sent again under its own id, as
the page does it. Waiting between two attempts is the page's as well (`static/chat/backoff.js`).
"""

from __future__ import annotations

import asyncio
import json
import random
from time import monotonic
from typing import Any, Final

from picows import WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from benchmarks.load.crowd import CONNECTING, label
from benchmarks.load.dialects import V1, text_of
from benchmarks.load.marks import Marks
from benchmarks.samples import Samples, no_samples

__all__ = ["blow"]

#: Seconds: the page's ceiling after the first attempt, and the highest.
BASE: Final = 0.5
CEILING: Final = 15.0
#: Seconds for a handshake, the page's own.
HANDSHAKE: Final = 15.0
#: Seconds until the storm is given up, and what is missing then is lost.
GIVEN_UP: Final = 60.0
ROUNDS: Final = 3


class Guest:
    """Somebody who comes back: the conversation outlives its sockets."""

    def __init__(self, url: str, room: str, number: int, chance: random.Random) -> None:
        self.room = room
        self.number = number
        self.last = 0
        #: The room's number when this guest first came.
        self.base: int | None = None
        self.resets = self.refused = 0
        self.welcomed_at = 0.0
        self.transport: WSTransport | None = None
        self.welcomed = asyncio.Event()
        self._url = url + V1().target(room)
        self._chance = chance
        self._unanswered: dict[str, str] = {}
        self._early: set[int] = set()

    @property
    def heard(self) -> int:
        """How many of this run's messages it has, without a hole."""
        return 0 if self.base is None else self.last - self.base

    def say(self, key: int) -> None:
        cid = f"k{key}"
        self._unanswered[cid] = json.dumps({"t": "msg", "cid": cid, "handle": "ada", "body": text_of(key)})
        self.send(self._unanswered[cid])

    def send(self, frame: str) -> None:
        assert self.transport is not None
        self.transport.send(WSMsgType.TEXT, frame.encode())

    async def stay(self, turn: asyncio.Semaphore | None = None) -> None:
        """Be connected, again and again, until cancelled. The first attempt waits for its turn."""
        attempt = 0
        while True:
            socket = _Socket(self)
            try:
                async with turn or asyncio.Semaphore(1):
                    transport, _ = await self._connect(socket)
                    if turn is not None:
                        await self.welcomed.wait()
                turn, attempt = None, 0
                await transport.wait_disconnected()
            except (OSError, TimeoutError, WSError):
                pass
            self.welcomed.clear()
            await asyncio.sleep(self._chance.random() * min(CEILING, BASE * 2**attempt))
            attempt += 1

    async def _connect(self, socket: _Socket) -> tuple[WSTransport, WSListener]:
        headers = {"Sec-WebSocket-Protocol": str(V1.subprotocol)}
        return await ws_connect(lambda: socket, self._url, websocket_handshake_timeout=HANDSHAKE, extra_headers=headers)

    # -- what the server says

    def connected(self, transport: WSTransport) -> None:
        self.transport = transport
        self.send(json.dumps({"t": "hello"} if self.base is None else {"t": "hello", "last": self.last}))

    def hear(self, frame: dict[str, Any]) -> None:
        match frame["t"]:
            case "welcome":
                self._welcome(frame)
            case "msg":
                self._take(frame["seq"])
            case "ack":
                self._unanswered.pop(frame["cid"], None)
            case "nack":
                self.refused += 1

    def _welcome(self, frame: dict[str, Any]) -> None:
        if self.base is None:
            self.base = self.last = frame["seq"]
        self.resets += bool(frame["reset"])
        for line in frame["missed"]:
            self._take(line["seq"])
        for unanswered in list(self._unanswered.values()):
            self.send(unanswered)
        self.welcomed_at = monotonic()
        self.welcomed.set()

    def _take(self, seq: int) -> None:
        if self.base is None or seq <= self.last:
            return
        self._early.add(seq)
        while self.last + 1 in self._early:
            self.last += 1
            self._early.remove(self.last)


class _Socket(WSListener):
    def __init__(self, guest: Guest) -> None:
        super().__init__()
        self._guest = guest

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._guest.connected(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.TEXT:
            self._guest.hear(json.loads(frame.get_payload_as_bytes()))


async def blow(
    urls: list[str], *, rooms: int, members: int, seed: int, first_key: int, marks: Marks
) -> tuple[dict[str, Any], Samples]:
    """The storm; the samples are how long each guest was away."""
    chance = random.Random(seed)
    guests = [
        [Guest(urls[number % len(urls)], label(room), number, chance) for number in range(members)]
        for room in range(rooms)
    ]
    everybody = [guest for room in guests for guest in room]
    turn = asyncio.Semaphore(CONNECTING)
    staying = [asyncio.create_task(guest.stay(turn)) for guest in everybody]
    try:
        await asyncio.gather(*(guest.welcomed.wait() for guest in everybody))
        speakers = [room[0] for room in guests]
        for number, speaker in enumerate(speakers):
            speaker.say(first_key + number)
        await _until(everybody, 1, monotonic() + GIVEN_UP)
        for number, speaker in enumerate(speakers):
            speaker.say(first_key + rooms + number)
        killed = monotonic()
        answered = asyncio.create_task(marks.reach("kill"))
        await asyncio.gather(*(_third(speaker, killed, first_key + 2 * rooms) for speaker in speakers), answered)
        in_sync = await _until(everybody, ROUNDS, killed + GIVEN_UP)
        away = no_samples()
        away.extend(guest.welcomed_at - killed for guest in everybody if guest.welcomed_at > killed)
        facts = {
            "sockets": len(everybody),
            "messages": ROUNDS * rooms,
            "in_sync_after": round(in_sync - killed, 3),
            "last_back_after": round(max(away, default=0.0), 3),
            "lost": sum(max(0, ROUNDS - guest.heard) for guest in everybody),
            "twice": sum(max(0, guest.heard - ROUNDS) for guest in everybody),
            "resets": sum(guest.resets for guest in everybody),
            "refused": sum(guest.refused for guest in everybody),
        }
        return facts, away
    finally:
        for task in staying:
            task.cancel()
        await asyncio.gather(*staying, return_exceptions=True)


async def _third(speaker: Guest, killed: float, first_key: int) -> None:
    """Its third message, as soon as it is back."""
    while speaker.welcomed_at < killed and monotonic() < killed + GIVEN_UP:
        await asyncio.sleep(0.005)
    if speaker.welcomed_at > killed:
        speaker.say(first_key + int(speaker.room.rpartition("-")[2]))


async def _until(everybody: list[Guest], heard: int, horizon: float) -> float:
    """When everybody had heard so many, or the horizon, if somebody had not."""
    while monotonic() < horizon and any(guest.heard < heard for guest in everybody):
        await asyncio.sleep(0.005)
    return monotonic()
