"""Our layers as Channels 4 sees a layer: ``send``, ``receive``, ``new_channel`` and the groups.

So that ordinary Channels consumers run beside ours, unchanged. They get what the specification of Channel layers
promises and no more: at most once, no acknowledgement. What a worker's commit and an interface's record add is for
code that speaks to `Layer` itself.

``receive`` takes a message of a named channel, which makes it this process's, and then claims it, which deletes it;
only then it returns it. When it is cancelled in between, the message stays taken. The next ``receive`` of this process
on that channel claims it then, or one of another process, after `TAKEN_LIMIT`. Of several claims one succeeds.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Any, ClassVar, Final
from weakref import WeakKeyDictionary, WeakSet

from switchboard.events import Content, Envelope, GroupMessage, Join, Leave, Reply
from switchboard.exceptions import ChannelFull, LayerUnavailable
from switchboard.layers.base import Delivery, Layer
from switchboard.layers.capacity import Capacities
from switchboard.layers.expiry import Expiry
from switchboard.layers.mailroom import SETTLE_TIMEOUT, Mailroom
from switchboard.names import check_channel, check_group, interface_of, is_reply_channel, token

#: Seconds that one look for messages of a named channel waits.
TAKE_WAIT: Final = 2.0
#: Mailrooms that an event loop keeps although nothing is in them; it has one for each prefix.
MAX_MAILROOMS: Final = 100
#: Seconds after which a message that a ``receive`` took and did not claim is another's. A claim takes milliseconds.
TAKEN_LIMIT: Final = 10.0
#: Channels of which it is known when they were last looked through for such messages, at most.
MAX_LOOKED: Final = 1_000
#: Messages that were claimed for a ``receive`` that was cancelled meanwhile, and wait for the next one, at most.
MAX_RETURNED: Final = 100
#: What the names of those who take messages begin with. Workers, who renew what they hold, are called otherwise.
RECEIVER: Final = "receiver."


class ChannelsLayer(Layer):
    """The methods that ``channels.layers.BaseChannelLayer`` names, with its errors: ``TypeError``, ``ChannelFull``.

    They heed these keys of ``CONFIG``:

    * ``capacity`` and ``channel_capacity``. For the channel of one consumer they are applied where it is received, and
      are `DEFAULT_CONSUMER_CAPACITY <switchboard.layers.capacity.DEFAULT_CONSUMER_CAPACITY>` where nothing is set;
    * ``expiry``: nobody receives a message that `send` or `group_send` sent longer ago. Without it none expires;
    * ``group_expiry``, see `group_expiry`.
    """

    extensions: ClassVar[list[str]] = ["groups", "flush", *Layer.extensions]

    def __init__(self, capacities: Capacities, expiry: Expiry) -> None:
        self._capacities = capacities
        self._expiry = expiry
        self._mailrooms: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Mailroom]] = WeakKeyDictionary()
        #: Loops whose end closes their mailrooms.
        self._closing: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
        self._taken = TakenMessages(self)

    @property
    def expiry(self) -> float | None:
        """Seconds; None: nothing expires."""
        return self._expiry.messages

    @property
    def group_expiry(self) -> float:
        """Seconds that a membership lasts: that of a named channel after the last `group_add`, that of another one
        without a `receive`."""
        return self._expiry.groups

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Send onto a channel, named or specific to one consumer.

        Raises:
            ChannelFull: a named channel is at its capacity. It is never raised for the channel of one consumer: the
                process that receives there drops what it has no room for, with a line in its log.
        """
        check_channel(channel)
        _check_message(message)
        if is_reply_channel(channel):
            await self.publish([Reply(channel, message, self._expires_at())])
            return
        envelope = Envelope(channel, uuid.uuid4().hex, message)
        if self.expiry is None:
            await self.publish([envelope])
        elif not await self.request(envelope, timeout=self.expiry):
            raise ChannelFull(channel)

    async def receive(self, channel: str) -> dict[str, Any]:
        """Wait for the next message of a channel: one from `new_channel` of this event loop, or a named one.

        A message of a named channel goes to one of those who receive there, and is gone with it. Cancelling loses
        nothing, as long as this process receives from the channel again.
        """
        check_channel(channel)
        if not is_reply_channel(channel):
            return await self._taken.receive(channel)
        room = self._mailroom_of(channel)
        if room is None:
            raise TypeError(f"{interface_of(channel)!r} is received by another process or event loop")
        message: dict[str, Any] = await room.receive(channel)
        return message

    async def new_channel(self, prefix: str = "specific") -> str:
        """The name of a channel that nobody else has, to `receive` on from this event loop."""
        loop = asyncio.get_running_loop()
        rooms = self._mailrooms.setdefault(loop, {})
        room = rooms.get(prefix)
        if room is None:
            await self._close_abandoned(rooms)
            room = rooms.setdefault(
                prefix,
                Mailroom(self, prefix, capacity_of=self._capacities.of_consumer, group_expiry=self.group_expiry),
            )
        await room.open()
        self._close_with(loop)  # after a call of the layer, whose connections have to outlive the mailrooms
        return f"{room.name}!{token()}"

    async def group_add(self, group: str, channel: str) -> None:
        """Make a channel a member; what is sent to the group after this returned reaches it."""
        check_group(group)
        room = self._mailroom_of(check_channel(channel))
        if room is not None:
            await room.open()  # where nobody received for a while it may be gone, and what is sent there too
        await self.publish([Join(channel, group)])
        if room is not None:
            await room.settle()

    async def group_discard(self, group: str, channel: str) -> None:
        """End a membership, if there is one."""
        check_group(group)
        room = self._mailroom_of(check_channel(channel))
        await self.publish([Leave(channel, group)])
        if room is not None:
            await room.settle()

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send to every member. One that is at its capacity is skipped, with a line in the log."""
        check_group(group)
        _check_message(message)
        await self.publish([GroupMessage(group, message, expires_at=self._expires_at())])

    def _expires_at(self) -> float | None:
        return None if self.expiry is None else time.time() + self.expiry

    # -- mailrooms

    def _mailroom_of(self, channel: str) -> Mailroom | None:
        """Return the one of this event loop in which ``channel`` is received, if there is one."""
        name = interface_of(channel)
        rooms = self._mailrooms.get(asyncio.get_running_loop(), {})
        return next((room for room in rooms.values() if room.name == name), None)

    def _forget_mail(self) -> None:
        """For `flush`: what waits in this process is gone with the rest."""
        self._taken.forget()
        for rooms in list(self._mailrooms.values()):
            for room in list(rooms.values()):
                room.forget()

    async def _close_mail(self) -> None:
        """For `close`: what this event loop has on the server and no other does."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(LayerUnavailable, TimeoutError):  # others notice that nobody beats
            async with asyncio.timeout(SETTLE_TIMEOUT):
                for room in list(self._mailrooms.get(loop, {}).values()):
                    await room.close()
                await self._taken.close(loop)

    async def _close_abandoned(self, rooms: dict[str, Mailroom]) -> None:
        """A process may use ever new prefixes."""
        if len(rooms) >= MAX_MAILROOMS:
            for prefix, room in list(rooms.items()):
                room.forget_vanished()
                if room.is_abandoned:
                    del rooms[prefix]
                    await room.close()

    def _close_with(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have mailrooms closed right before their loop is, as by ``async_to_sync``, which tells nobody."""
        if loop in self._closing:
            return
        self._closing.add(loop)
        close_loop = loop.close

        def close() -> None:
            if not loop.is_closed() and not loop.is_running():
                loop.run_until_complete(self._close_mail())
            self._mailrooms.pop(loop, None)
            close_loop()

        loop.close = close  # type: ignore[method-assign]


class TakenMessages:
    """The `receive` of named channels; the module's docstring says how it works."""

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        self._name = f"{RECEIVER}{token()}"
        #: When each channel was last looked through for messages that were taken and not claimed. Oldest first.
        self._looked: OrderedDict[str, float] = OrderedDict()
        self._returned: dict[str, deque[Content]] = {}
        self._loops: WeakSet[asyncio.AbstractEventLoop] = WeakSet()

    async def receive(self, channel: str) -> dict[str, Any]:
        """The next message."""
        self._loops.add(asyncio.get_running_loop())
        while True:
            if channel in self._returned:
                return dict(self._pop_returned(channel))
            try:
                for delivery in await self._find(channel):
                    if await self._claim(delivery):
                        return dict(delivery.envelope.content)
            except BaseException:
                self._looked.pop(channel, None)  # perhaps one was taken
                raise

    def forget(self) -> None:
        """The layer was flushed."""
        self._returned.clear()
        self._looked.clear()

    async def close(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take the name off the streams on which nothing is held under it, if ``loop`` received anything."""
        if loop in self._loops:
            self._loops.discard(loop)
            await self._layer.retire(self._name, [])

    async def _find(self, channel: str) -> Sequence[Delivery]:
        now = time.monotonic()
        if now - self._looked.get(channel, -TAKEN_LIMIT) >= TAKEN_LIMIT:
            if found := await self._find_unclaimed(channel):
                return [found]
            self._looked[channel] = now
            self._looked.move_to_end(channel)
            if len(self._looked) > MAX_LOOKED:
                self._looked.popitem(last=False)
        return await self._layer.take(self._name, [channel], count=1, wait=TAKE_WAIT)

    async def _find_unclaimed(self, channel: str) -> Delivery | None:
        mine = [row for row in await self._layer.pending([channel], idle=0) if row.owner == self._name]
        others = [
            row for row in await self._layer.pending([channel], idle=TAKEN_LIMIT) if row.owner.startswith(RECEIVER)
        ]
        for row in (*mine, *others):
            if delivery := await self._layer.take_over(self._name, row):
                return delivery
        return None

    async def _claim(self, delivery: Delivery) -> bool:
        claiming = asyncio.ensure_future(self._layer.claim_request(self._name, delivery))
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            # The message may be gone from the server by now, so wait for the answer.
            await asyncio.wait([claiming], timeout=SETTLE_TIMEOUT)
            if not claiming.done():
                claiming.cancel()
            elif claiming.exception() is None and claiming.result():
                self._return(delivery)
            raise

    def _return(self, delivery: Delivery) -> None:
        self._returned.setdefault(delivery.channel, deque()).append(delivery.envelope.content)
        if sum(map(len, self._returned.values())) > MAX_RETURNED:
            self._pop_returned(next(iter(self._returned)))

    def _pop_returned(self, channel: str) -> Content:
        waiting = self._returned[channel]
        content = waiting.popleft()
        if not waiting:
            del self._returned[channel]
        return content


def _check_message(message: object) -> None:
    if not isinstance(message, dict):
        raise TypeError(f"a message is a dict, not {message!r}")
