"""Clients as they are published: each with one socket that comes back, each writing down what it sees.

`Modern` speaks ``switchboard.v1`` as `docs/wire.md` wants it and as the page does: what it says stays in its outbox
until it is acknowledged and is sent again after each reconnect, it shows the messages in the order of their numbers and
asks for those that are missing. `Old` speaks one of the other dialects, which have no way to do any of this: it sends
while its socket is open, and shows what comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import Callable, Sequence
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from tests.e2e.chaos.history import Heard, Life, Person, Sent
from tests.e2e.chaos.words import HARMFUL

#: Seconds, as in `static/chat/`: reconnecting, giving up a handshake, asking whether anybody is there, and for how
#: long, until a missing number is asked for, and until what was refused for now is tried again.
BACKOFF_BASE: Final = 0.5
BACKOFF_CEILING: Final = 15.0
HANDSHAKE: Final = 15.0
SILENCE: Final = 25.0
PATIENCE: Final = 10.0
LATE: Final = 1.0
AGAIN: Final = 1.0
MOVE: Final = 3.0

TRY_AGAIN_LATER: Final = 1013
#: Seconds. A handshake that is accepted to be closed at once, so that a browser learns the code, was refused.
REFUSAL: Final = 1.0

#: Where the interfaces are: their names and addresses. Asked at each attempt.
Addresses = Callable[[], Sequence[tuple[str, str]]]
#: Seconds since the beginning of the run.
Clock = Callable[[], float]


class Client:
    """One person's connection. `run` keeps it up until `stop`."""

    path = "/chat/{room}/"
    subprotocols: Sequence[Subprotocol] | None = None

    def __init__(self, person: Person, addresses: Addresses, home: int, seed: str, now: Clock) -> None:
        self.person = person
        self._addresses = addresses
        self._home = home  # the interface that is tried first, as a balancer would have chosen it
        self._random = random.Random(seed)
        self._now = now
        self._socket: ClientConnection | None = None
        self._life: Life | None = None
        self._stopping = False
        self._said = 0
        self._lives = 0

    @property
    def connected(self) -> bool:
        return self._socket is not None

    async def run(self) -> None:
        attempt = 0
        while not self._stopping:
            attempt = 0 if await self._live(attempt) else attempt + 1
            if not self._stopping:
                await asyncio.sleep(self._random.random() * min(BACKOFF_CEILING, BACKOFF_BASE * 2**attempt))

    async def leave(self, why: str) -> None:
        """Close the socket, if it is open; `run` opens another one."""
        if self._socket is not None and self._life is not None:
            self._life.ours, self._life.why = True, why
            await self._socket.close()

    async def stop(self) -> None:
        self._stopping = True
        await self.leave("the end")

    async def say(self, word: str = "") -> Sent | None:
        """Say something new, with ``word`` in it. None where the dialect can't say it now."""
        raise NotImplementedError

    # -- one socket

    async def _live(self, attempt: int) -> bool:
        """One socket's life; False if there was none."""
        addresses = self._addresses()
        interface, address = addresses[(self._home + attempt) % len(addresses)]
        self._lives += 1
        name = f"{self.person.name}.{self._lives}"
        url = f"{address}{self.path.format(room=self.person.room)}?socket={name}"
        try:
            socket = await connect(
                url, subprotocols=self.subprotocols, open_timeout=HANDSHAKE, ping_interval=None, close_timeout=PATIENCE,
                compression=None, max_queue=None, proxy=None,
            )  # fmt: skip
        except (OSError, InvalidHandshake, TimeoutError, EOFError):
            self.person.turned_away += 1
            return False
        self._life = life = Life(name, interface, self._now())
        self.person.lives.append(life)
        self._socket = socket
        watch = asyncio.create_task(self._watch(), name=f"watch of {name}")
        try:
            await self._opened()
            async for frame in socket:
                await self._take(json.loads(frame), life)
        except ConnectionClosed:
            pass
        finally:
            self._socket = None
            life.closed, life.code = self._now(), socket.close_code
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
        return not self._was_refused(life)

    def _was_refused(self, life: Life) -> bool:
        assert life.closed is not None
        if life.code != TRY_AGAIN_LATER or life.closed - life.opened > REFUSAL:
            return False
        self.person.lives.remove(life)
        self.person.turned_away += 1
        return True

    async def _send(self, frame: dict[str, Any]) -> None:
        # A socket that just closed is `_live`'s business.
        if self._socket is not None:
            with contextlib.suppress(ConnectionClosed):
                await self._socket.send(json.dumps(frame))

    def _text(self, word: str) -> str:
        self._said += 1
        return f"{self.person.name}#{self._said} {word}".strip()

    async def _opened(self) -> None:
        """The socket is open."""

    async def _take(self, frame: dict[str, Any], life: Life) -> None:
        """A frame came."""
        raise NotImplementedError

    async def _watch(self) -> None:
        """Runs while the socket is open."""


class Old(Client):
    """The dialects without numbers: ``classic``, ``tutorial`` and ``public``."""

    _PATHS: Final = {"classic": "/chat/{room}/", "tutorial": "/ws/chat/{room}/", "public": "/chat/public"}

    def __init__(self, person: Person, addresses: Addresses, home: int, seed: str, now: Clock) -> None:
        super().__init__(person, addresses, home, seed, now)
        self.path = self._PATHS[person.dialect]

    async def say(self, word: str = "") -> Sent | None:
        if self._socket is None or self._life is None:
            return None
        sent = Sent(self._text(word), self._now(), poison=word in HARMFUL)
        self._life.sent.append(sent)
        name = {"classic": "handle", "public": "sender"}.get(self.person.dialect)
        await self._send({"message": sent.text, **({name: self.person.name} if name else {})})
        return sent

    def heard_itself(self) -> bool:
        """Whether all that it said on its socket came back to it: there is no other acknowledgement."""
        if self._life is None:
            return True
        heard = {one.text for one in self._life.heard}
        return all(sent.poison or sent.text in heard for sent in self._life.sent)

    async def _take(self, frame: dict[str, Any], life: Life) -> None:
        life.heard.append(Heard(self._now(), frame["message"]))


class Modern(Client):
    """``switchboard.v1``."""

    subprotocols = [Subprotocol("switchboard.v1")]

    def __init__(self, person: Person, addresses: Addresses, home: int, seed: str, now: Clock) -> None:
        super().__init__(person, addresses, home, seed, now)
        self.outbox: dict[str, Sent] = {}
        #: Which of them was sent and is not settled yet: one at a time, so that they keep their order, and nothing that
        #: was sent again piles up behind what it repeats.
        self._under_way: str | None = None
        #: The number of the last message shown; None before the first welcome.
        self.last: int | None = None
        self.welcomed = False
        self._early: dict[int, dict[str, Any]] = {}
        self._early_since = 0.0
        self._came = 0.0
        self._again = 0.0

    async def say(self, word: str = "") -> Sent:
        text = self._text(word)
        sent = Sent(text, self._now(), cid=text.split()[0].replace("#", "-"), poison=word in HARMFUL)
        assert sent.cid is not None
        self.person.sent.append(sent)
        self.outbox[sent.cid] = sent
        await self._post_next()
        return sent

    # -- towards the server

    async def _opened(self) -> None:
        self.welcomed = False
        self._came = self._now()
        await self._hello()

    async def _hello(self) -> None:
        self._early_since = self._now()
        self._under_way = None  # sent again after the welcome, if that doesn't settle it
        await self._send({"t": "hello", **({} if self.last is None else {"last": self.last})})

    async def _post(self, sent: Sent) -> None:
        await self._send({"t": "msg", "cid": sent.cid, "handle": self.person.name, "body": sent.text})

    async def _post_next(self) -> None:
        if self.welcomed and self._under_way is None and not self._again and self.outbox:
            self._under_way = next(iter(self.outbox))
            await self._post(self.outbox[self._under_way])

    async def _watch(self) -> None:
        """What the page does by timers: asks for what is late, tries again, pings, gives up."""
        pinged = False
        while True:
            await asyncio.sleep(LATE / 2)
            now = self._now()
            if self._early and now - self._early_since > LATE:
                await self._hello()
            if self._again and now > self._again:
                self._again = 0.0
                await self._hello()
            quiet = now - self._came
            if quiet > SILENCE + PATIENCE:
                # Not awaited: closing waits for an answer, and ends this task.
                self._leaving = asyncio.create_task(self.leave("nothing came"))
                return
            if quiet > SILENCE and not pinged:
                await self._send({"t": "ping"})
            pinged = quiet > SILENCE

    # -- from the server

    async def _take(self, frame: dict[str, Any], life: Life) -> None:
        self._came = self._now()
        kind = frame["t"]
        if kind == "msg":
            self._wait(frame)
            self._show_ready()
            await self._post_next()
        elif kind == "welcome":
            await self._be_welcomed(frame)
        elif kind == "ack":
            self._acknowledged(frame)
            await self._post_next()
        elif kind == "nack":
            self._refused(frame)
            await self._post_next()
        elif kind == "resync":
            await self._hello()
        elif kind == "moving":
            loop = asyncio.get_running_loop()
            loop.call_later(self._random.random() * MOVE, lambda: loop.create_task(self._move(life)))

    async def _move(self, life: Life) -> None:
        if life is self._life:
            await self.leave("moving")

    async def _be_welcomed(self, frame: dict[str, Any]) -> None:
        if frame["reset"]:
            self.person.resets.append(self._now())
            self.person.shown.clear()
        if frame["reset"] or self.last is None:
            self.last = 0
            self.person.since = frame["missed"][0]["seq"] if frame["missed"] else frame["seq"] + 1
        self._complete(frame["seq"], frame["missed"])
        self.welcomed = True
        await self._post_next()

    def _acknowledged(self, frame: dict[str, Any]) -> None:
        sent = self.outbox.get(frame["cid"])
        if sent is not None:
            self._settle(frame["cid"], frame["seq"])
            self._wait({"seq": frame["seq"], "body": sent.text, "cid": sent.cid})
            self._show_ready()

    def _refused(self, frame: dict[str, Any]) -> None:
        cid = frame.get("cid") or next(iter(self.outbox), None)
        if frame["retry"] or (not self.welcomed and "cid" not in frame):
            self._again = self._now() + AGAIN * (1 + self._random.random())
        elif cid in self.outbox:
            self.outbox.pop(cid).refused = frame["code"]
            self._done(cid)

    def _settle(self, cid: str | None, seq: int) -> None:
        sent = self.outbox.pop(cid, None) if cid is not None else None
        if sent is not None:
            sent.acked, sent.seq = self._now(), seq
            self._done(cid)

    def _done(self, cid: str | None) -> None:
        if cid == self._under_way:
            self._under_way = None

    # -- the order of what is shown

    def _wait(self, line: dict[str, Any]) -> None:
        if self.last is None or line["seq"] > self.last:
            if not self._early:
                self._early_since = self._now()
            self._early[line["seq"]] = line

    def _complete(self, seq: int, lines: Sequence[dict[str, Any]]) -> None:
        """Everything up to ``seq`` is among these and those that wait."""
        assert self.last is not None
        for line in lines:
            self._wait(line)
        for number in sorted(number for number in self._early if number <= seq):
            self._show(self._early.pop(number))
        self.last = max(self.last, seq)
        self._show_ready()

    def _show_ready(self) -> None:
        while self.last is not None and (line := self._early.pop(self.last + 1, None)) is not None:
            self._show(line)
            self.last = line["seq"]
        for number in [number for number in self._early if self.last is not None and number <= self.last]:
            del self._early[number]

    def _show(self, line: dict[str, Any]) -> None:
        self.person.shown.append(Heard(self._now(), line["body"], line["seq"]))
        self._settle(line.get("cid"), line["seq"])
