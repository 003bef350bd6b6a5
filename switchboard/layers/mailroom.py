"""The inbox of an event loop in which Channels 4 consumers run.

Each of them waits in ``receive`` for messages on a channel of its own, ``specific.<mailroom>!<consumer>``. All of a
loop's have one inbox together. It is read while somebody waits, by one task for all, so that nothing is left running
when the last consumer is gone; what was read is sorted into a box for each channel. Whoever got something goes before
the next read: often nobody waits any more then, and a read that was only just sent is the hardest to call off.

The promises are those of a Channels layer, which has no acknowledgement: at most once, and a box holds ``capacity``
messages; beyond it the oldest goes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import Any, Final

from switchboard.events import GroupMessage, InboxEvent, Join, Leave, Reply
from switchboard.exceptions import InboxLost, LayerUnavailable
from switchboard.layers.base import Layer
from switchboard.names import token
from switchboard.outages import Outage

logger = logging.getLogger(__name__)

#: Seconds that one read of the inbox waits.
READ_WAIT: Final = 2.0
#: Seconds between two heartbeats; they also drop what was read.
BEAT_EVERY: Final = 5.0
#: Seconds between two tries while the server is away.
AWAY_PAUSE: Final = 0.5
#: Seconds after which a reader that was told to end is told again: redis-py may not hear it in the moment of sending.
DEAF_FOR: Final = 0.02


class Box:
    """What waits for one channel, and how many wait for it."""

    def __init__(self, capacity: int) -> None:
        self.messages: deque[Any] = deque(maxlen=capacity)
        self.filled = asyncio.Event()
        self.waiting = 0

    def put(self, channel: str, message: Any) -> None:
        if len(self.messages) == self.messages.maxlen:
            logger.warning("%s is full, its oldest message is dropped", channel)
        self.messages.append(message)
        self.filled.set()


class Mailroom:
    """For one layer, one event loop and one prefix of names."""

    def __init__(self, layer: Layer, prefix: str, capacity: int) -> None:
        self.name = f"{prefix}.{token()}"
        self._layer = layer
        self._capacity = capacity
        self._boxes: dict[str, Box] = {}
        self._groups: dict[str, set[str]] = {}
        self._read = 0
        self._opened = False
        self._beaten_at = 0.0
        self._opening = asyncio.Lock()
        self._reader: asyncio.Task[None] | None = None
        self._receivers = 0

    async def open(self) -> None:
        """Make the inbox, the first time."""
        async with self._opening:
            if not self._opened:
                await self._open_inbox()
                self._opened = True

    def forget(self) -> None:
        """The layer was flushed: nobody is in a group, nothing waits, there is no inbox until the next call."""
        self._opened = False
        self._groups.clear()
        for box in self._boxes.values():
            box.messages.clear()

    async def receive(self, channel: str) -> Any:
        """The next message on ``channel``. Cancelling it loses nothing."""
        box = self._boxes.setdefault(channel, Box(self._capacity))
        box.waiting += 1
        self._receivers += 1
        try:
            while not box.messages:
                self._keep_reading()
                box.filled.clear()
                await box.filled.wait()
            return box.messages.popleft()
        finally:
            box.waiting -= 1
            if not (box.waiting or box.messages):
                self._boxes.pop(channel, None)  # perhaps for good: nobody says when a consumer is gone
            self._receivers -= 1
            await self._rest()

    def _keep_reading(self) -> None:
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read_on(), name=f"mailroom {self.name}")

    async def _rest(self) -> None:
        if self._receivers == 0 and self._reader is not None:
            reader, self._reader = self._reader, None
            while not reader.done():
                reader.cancel()
                await asyncio.wait([reader], timeout=DEAF_FOR)

    async def _read_on(self) -> None:
        outage = Outage(logger, f"{self.name} waits for its server")
        while True:
            try:
                await self.open()
                await self._beat()
                await self._read_once()
                outage.over()
                await asyncio.sleep(0)
            except InboxLost:
                logger.warning("%s lost its inbox, and what was in it", self.name)
                self._opened = False
            except LayerUnavailable as error:
                outage.lasts(error)
                await asyncio.sleep(AWAY_PAUSE)

    async def _read_once(self) -> None:
        after = self._read
        entries = await self._layer.read_inbox(self.name, after, wait=READ_WAIT, drop=after > 0)
        if self._read != after:
            return  # a flush came between, and the numbers begin anew
        for entry in entries:
            self._read = entry.number
            for event in entry.events:
                self._sort(event)

    async def _beat(self) -> None:
        if time.monotonic() - self._beaten_at >= BEAT_EVERY:
            await self._layer.beat(self.name, self._read)
            self._beaten_at = time.monotonic()

    async def _open_inbox(self) -> None:
        self._read = (await self._layer.open_inbox(self.name)).last
        self._beaten_at = time.monotonic()
        if self._groups:
            await self._layer.rejoin(self.name, list(self._groups))

    def _sort(self, event: InboxEvent) -> None:
        match event:
            case Reply(channel=channel, content=content):
                self._put(channel, content)
            case GroupMessage(group=group, content=content):
                for channel in self._groups.get(group, ()):
                    self._put(channel, content)
            case Join(channel=channel, group=group):
                self._groups.setdefault(group, set()).add(channel)
            case Leave(channel=channel, group=group):
                self._leave(channel, group)

    def _put(self, channel: str, content: Any) -> None:
        self._boxes.setdefault(channel, Box(self._capacity)).put(channel, dict(content))

    def _leave(self, channel: str, group: str) -> None:
        members = self._groups.get(group, set())
        members.discard(channel)
        if not members:
            self._groups.pop(group, None)
