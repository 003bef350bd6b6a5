"""The inbox of an event loop in which Channels 4 consumers run.

Each of them waits in ``receive`` for messages on a channel of its own, ``specific.<mailroom>!<consumer>``. All of a
loop's have one inbox together. It is read while somebody waits, by one task for all, so that nothing is left running
when the last consumer is gone; what was read is sorted into a box for each channel. Whoever got something goes before
the next read: often nobody waits any more then, and a read that was only just sent is the hardest to call off.

The promises are those of a Channels layer, which has no acknowledgement: at most once, and a box holds as many unread
messages as its channel's capacity, and `MAX_BOX_BYTES`; what comes beyond it is dropped.

Channels has no call that ends a channel, and a consumer that fails does not leave its groups. A consumer whose last
``receive`` returned a message may be busy with it for hours; Channels cancels the ``receive`` of one that ends. So a
channel is known while it is received from, has unread messages, is a member of a group, or its consumer may be busy. It
is forgotten, with its messages and memberships, when nobody has received from it

* for `UNREAD_LIMIT`, while a message of that age waits, unless its consumer may be busy. Channels' specification lets
  memberships end when a message was not consumed in time;
* for ``group_expiry``, in any case;
* for `UNREAD_LIMIT`, if there are more than `MAX_IDLE` such channels and it is among those idle for longest.

When the last member here has left a group, the mailroom leaves it as well. A mailroom whose process died is closed by
another one that is read (`close_dead_inboxes`), as by any worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, Final, NamedTuple

from switchboard.conf import get_settings
from switchboard.events import Content, GroupMessage, InboxEvent, Join, Leave, Reply
from switchboard.exceptions import InboxLost, LayerUnavailable
from switchboard.layers.base import Layer
from switchboard.layers.capacity import OverCapacity, log_over_capacity
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
#: Seconds for which a channel that nobody receives from is kept in any case. Channels recommends that messages expire
#: after a minute unread.
UNREAD_LIMIT: Final = 60.0
#: Channels that nobody receives from are kept beyond `UNREAD_LIMIT` up to this number.
MAX_IDLE: Final = 1_000
#: Seconds that leaving groups may hold up the end of the last consumer, or of the event loop.
SETTLE_TIMEOUT: Final = 1.0
#: Bytes of unread messages that wait for one channel, about, beside their number. A first message always fits.
MAX_BOX_BYTES: Final = 4 * 1024 * 1024


class Unread(NamedTuple):
    """A message in a box. ``size`` is in bytes, ``expires_at`` of the wall clock, ``read_at`` of the monotonic one."""

    content: Content
    size: int
    expires_at: float | None
    read_at: float

    def has_expired(self) -> bool:
        return self.expires_at is not None and time.time() >= self.expires_at


class Box:
    """What waits for one channel, how many wait for it, and the groups that it is in."""

    def __init__(self) -> None:
        self.messages: deque[Unread] = deque()
        self.size = 0
        self.groups: set[str] = set()
        self.filled = asyncio.Event()
        self.waiting = 0
        #: Since when nobody waits, and whether the last one who did went with a message.
        self.idle_since = monotonic()
        self.is_busy = False

    def has_unread(self) -> bool:
        """Remove messages that have expired, and return whether there is one left."""
        while self.messages and self.messages[0].has_expired():
            self.take()
        return bool(self.messages)

    def take(self) -> Unread:
        """Remove the oldest message."""
        message = self.messages.popleft()
        self.size -= message.size
        return message

    def put(self, message: Unread, capacity: int) -> bool:
        """Add a message, if there is room for it, and return whether there was."""
        # All of a layer's messages have the same time to live, so those that have expired come first.
        if self.has_unread() and (len(self.messages) >= capacity or self.size + message.size > MAX_BOX_BYTES):
            return False
        self.messages.append(message)
        self.size += message.size
        self.filled.set()
        return True

    def clear(self) -> None:
        """Forget everything but the calls that wait."""
        self.messages.clear()
        self.groups.clear()
        self.size = 0
        self.is_busy = False

    @property
    def is_used(self) -> bool:
        """A channel without a use is not kept."""
        return self.is_needed or self.is_busy

    @property
    def is_needed(self) -> bool:
        """True while forgetting the channel would lose something."""
        return bool(self.waiting or self.messages or self.groups)


class Mailroom:
    """For one layer, one event loop and one prefix of names. ``capacity_of`` says how many unread messages the box of a
    channel holds, ``group_expiry`` is in seconds."""

    def __init__(self, layer: Layer, prefix: str, *, capacity_of: Callable[[str], int], group_expiry: float) -> None:
        self.name = f"{prefix}.{token()}"
        self._layer = layer
        self._capacity_of = capacity_of
        self._group_expiry = group_expiry
        self._boxes: dict[str, Box] = {}
        self._groups: dict[str, set[str]] = {}
        self._deserted: set[str] = set()
        self._read = 0
        self._opened = False
        self._beaten_at = 0.0
        self._swept_at = 0.0
        self._used_at = monotonic()
        self._opening = asyncio.Lock()
        self._reading = asyncio.Lock()
        self._reader: asyncio.Task[None] | None = None
        self._receivers = 0

    async def open(self) -> None:
        """Make the inbox, the first time, and again where another process closed it while nobody received here."""
        self._used_at = monotonic()
        async with self._opening:
            if self._opened and not self._is_beaten:
                try:
                    await self._beat()
                except InboxLost:
                    self._lose()
            if not self._opened:
                await self._open_inbox()
                self._opened = True

    async def close(self) -> None:
        """Remove the inbox. The next call makes it again, with the memberships; what was not read from it is lost."""
        async with self._opening:
            if self._opened:
                self._opened = False
                await self._layer.close_inbox(self.name)

    def forget(self) -> None:
        """The layer was flushed: nobody is in a group, nothing waits, there is no inbox until the next call."""
        self._opened = False
        self._groups.clear()
        self._deserted.clear()
        for channel, box in list(self._boxes.items()):
            box.clear()
            self._drop_unused(channel)

    @property
    def is_abandoned(self) -> bool:
        """True if nothing was asked of it for `UNREAD_LIMIT`, and closing it would lose nothing."""
        is_needed = any(box.is_needed for box in self._boxes.values())
        return not is_needed and monotonic() - self._used_at >= UNREAD_LIMIT

    async def receive(self, channel: str) -> Any:
        """The next message on ``channel``. Cancelling it loses nothing."""
        while True:
            await self._wait_for_unread(channel)
            box = self._boxes.get(channel)
            # Taken after the last await, so that a cancellation finds the message in its box. Another who waits for the
            # same channel may have been quicker.
            if box is not None and box.has_unread():
                message = box.take()
                self._drop_unused(channel)
                return dict(message.content)

    async def _wait_for_unread(self, channel: str) -> None:
        box = self._box(channel)
        box.waiting += 1
        self._receivers += 1
        cancelled = False
        try:
            while not box.has_unread():
                self._keep_reading()
                box.filled.clear()
                await box.filled.wait()
        except asyncio.CancelledError:
            cancelled = True
            raise
        finally:
            box.waiting -= 1
            box.is_busy = not cancelled
            box.idle_since = self._used_at = monotonic()
            self._drop_unused(channel)  # perhaps for good: nobody says when a consumer is gone
            self._receivers -= 1
            await self._rest(is_end=cancelled)

    def _keep_reading(self) -> None:
        """Start a reader, unless there is one. Raise what the last one ended with."""
        if self._reader is not None and self._reader.done():
            ended, self._reader = self._reader, None
            if not ended.cancelled():
                ended.result()
        if self._reader is None:
            self._reader = asyncio.create_task(self._read_on(), name=f"mailroom {self.name}")
            self._reader.add_done_callback(self._wake_all)

    def _wake_all(self, reader: asyncio.Task[None]) -> None:
        """Wake the calls that wait, when the reader has ended: else they would wait for ever."""
        for box in self._boxes.values():
            box.filled.set()

    async def _rest(self, *, is_end: bool) -> None:
        if self._receivers == 0 and self._reader is not None:
            reader, self._reader = self._reader, None
            while not reader.done():
                reader.cancel()
                await asyncio.wait([reader], timeout=DEAF_FOR)
            if not reader.cancelled():
                reader.exception()  # whoever waited has raised it, or waits no more
            if is_end:
                await self.settle()

    async def settle(self) -> None:
        """Take in what is in the inbox and leave groups without a member here, unless the reader does that anyway."""
        if self._reader is not None or not self._opened:
            return
        with contextlib.suppress(LayerUnavailable, InboxLost, TimeoutError):  # the next reader goes on with it
            async with asyncio.timeout(SETTLE_TIMEOUT):
                await self._read_once(wait=0)
                await self._leave_deserted()

    async def _read_on(self) -> None:
        outage = Outage(logger, f"{self.name} waits for its server")
        while True:
            try:
                await self.open()
                if monotonic() - self._swept_at >= BEAT_EVERY:
                    self._swept_at = monotonic()
                    self.forget_vanished()
                    await close_dead_inboxes(self._layer)
                await self._leave_deserted()
                await self._read_once(wait=READ_WAIT)
                outage.over()
                await asyncio.sleep(0)
            except InboxLost:
                self._lose()
            except LayerUnavailable as error:
                outage.lasts(error)
                await asyncio.sleep(AWAY_PAUSE)

    async def _read_once(self, wait: float) -> None:
        async with self._reading:  # an inbox has one reader at a time
            after = self._read
            entries = await self._layer.read_inbox(self.name, after, wait=wait, drop=after > 0)
            if self._read != after:
                return  # a flush came between, and the numbers begin anew
            for entry in entries:
                self._read = entry.number
                for event in entry.events:
                    self._sort(event)

    # -- the inbox

    @property
    def _is_beaten(self) -> bool:
        return monotonic() - self._beaten_at < BEAT_EVERY

    async def _beat(self) -> None:
        await self._layer.beat(self.name, self._read)
        self._beaten_at = monotonic()

    def _lose(self) -> None:
        if self._groups:
            logger.warning("%s lost its inbox, and what was in it; it rejoins %d groups", self.name, len(self._groups))
        self._opened = False

    async def _open_inbox(self) -> None:
        self._read = (await self._layer.open_inbox(self.name)).last
        self._beaten_at = monotonic()
        self._deserted.clear()
        if self._groups:
            await self._layer.rejoin(self.name, list(self._groups))

    async def _leave_deserted(self) -> None:
        """Leave groups without a member here. Where a join waits in the inbox, a later call does."""
        for group in tuple(self._deserted):
            if group in self._groups or await self._layer.leave(self.name, group, self._read):
                self._deserted.discard(group)

    # -- what comes in

    def _sort(self, event: InboxEvent) -> None:
        match event:
            case Reply(channel, content, expires_at):
                if not self._put(channel, _unread(content, expires_at)):
                    logger.warning("%s is full; dropped a message for it", channel)
            case GroupMessage(group=group, content=content, expires_at=expires_at):
                members, message = self._groups.get(group, set()), _unread(content, expires_at)
                if full := sum(not self._put(channel, message) for channel in members):
                    log_over_capacity([OverCapacity(group, full, len(members))])
                if not members:
                    self._deserted.add(group)
            case Join(channel=channel, group=group):
                self._groups.setdefault(group, set()).add(channel)
                self._box(channel).groups.add(group)
            case Leave(channel=channel, group=group):
                self._leave(channel, group)

    def _put(self, channel: str, message: Unread) -> bool:
        return self._box(channel).put(message, self._capacity_of(channel))

    def _leave(self, channel: str, group: str) -> None:
        members = self._groups.get(group, set())
        members.discard(channel)
        if not members:
            self._groups.pop(group, None)
            self._deserted.add(group)
        if channel in self._boxes:
            self._boxes[channel].groups.discard(group)
            self._drop_unused(channel)

    # -- channels

    def _box(self, channel: str) -> Box:
        if channel not in self._boxes:
            self._boxes[channel] = Box()
        return self._boxes[channel]

    def _drop_unused(self, channel: str) -> None:
        if channel in self._boxes and not self._boxes[channel].is_used:
            del self._boxes[channel]

    def forget_vanished(self) -> None:
        """Forget channels of consumers that are gone; the module's docstring says by which signs."""
        now = monotonic()
        idle = sorted((box.idle_since, channel) for channel, box in self._boxes.items() if not box.waiting)
        vanished = [
            channel
            for place, (since, channel) in enumerate(idle)
            if self._is_vanished(self._boxes[channel], now - since, is_surplus=place < len(idle) - MAX_IDLE)
        ]
        for channel in vanished:
            box = self._boxes.pop(channel)
            for group in tuple(box.groups):
                self._leave(channel, group)
        if vanished:
            logger.info("%s: nobody receives from %d channels any more; forgot them", self.name, len(vanished))

    def _is_vanished(self, box: Box, idle: float, *, is_surplus: bool) -> bool:
        if idle >= self._group_expiry:
            return True
        if idle < UNREAD_LIMIT:
            return False
        waits_long = bool(box.messages) and monotonic() - box.messages[0].read_at >= UNREAD_LIMIT
        return is_surplus or (waits_long and not box.is_busy)


def _unread(content: Content, expires_at: float | None) -> Unread:
    return Unread(content, _size_of(content), expires_at, monotonic())


def _size_of(value: Any) -> int:
    """Bytes in memory, about: enough to tell a large message from a small one."""
    if isinstance(value, (str, bytes)):
        return 50 + len(value)
    if isinstance(value, Mapping):
        return 100 + sum(_size_of(key) + _size_of(each) for key, each in value.items())
    return 50 + sum(map(_size_of, value)) if isinstance(value, (list, tuple)) else 30


async def close_dead_inboxes(layer: Layer) -> None:
    """Close inboxes whose heartbeat stood still for an ``INTERFACE_LEASE``, as workers do, for where there are none.

    Interfaces that left sockets behind are left to workers, who report these as closed.
    """
    lease = get_settings().INTERFACE_LEASE
    for name, still in (await layer.watch_interfaces(unbroken=3 * BEAT_EVERY)).items():
        if still >= lease and not await layer.sockets_of(name):
            await layer.close_inbox(name)
            logger.info("%s: no heartbeat for %.0f s; closed its inbox", name, still)
