"""A client of ``switchboard.v1`` as `docs/wire.md` wants it and as the page is.

What it says stays in its outbox until it is acknowledged, one text under way at a time, and is sent again after each
reconnect. Messages are shown in the order of their numbers; what comes early waits, and what is missing is asked for by
another hello, whose welcome has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from websockets.typing import Subprotocol

from tests.e2e.chaos.clients import PATIENCE, Addresses, Client, Clock
from tests.e2e.chaos.history import Heard, Life, Person, Sent
from tests.e2e.chaos.words import HARMFUL

#: Seconds, as in `static/chat/`: until it asks whether anybody is there, until a missing number is asked for, until
#: what was refused for now is tried again, and within which it goes elsewhere when it is asked to.
SILENCE: Final = 25.0
LATE: Final = 1.0
AGAIN: Final = 1.0
MOVE: Final = 3.0


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
