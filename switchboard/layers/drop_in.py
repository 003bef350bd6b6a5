"""Our layers as Channels 4 sees a layer: ``send``, ``receive``, ``new_channel`` and the groups.

So that ordinary Channels consumers run beside ours, unchanged. They get what the specification of Channel layers
promises and no more: at most once, no acknowledgement. What a worker's commit and an interface's record add is for
code that speaks to `Layer` itself.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Any, ClassVar, Final, Self
from weakref import WeakKeyDictionary

from switchboard.events import Envelope, GroupMessage, Join, Leave, Reply
from switchboard.layers.base import Layer
from switchboard.layers.mailroom import Mailroom
from switchboard.names import check_channel, check_group, interface_of, is_reply_channel, new_worker, token

#: Messages that wait for one Channels consumer; Channels' own default.
BOX_CAPACITY: Final = 100
#: Seconds that one look for messages of a named channel waits.
TAKE_WAIT: Final = 2.0


class ChannelsLayer(Layer):
    """The methods that ``channels.layers.BaseChannelLayer`` names, with its errors: ``TypeError``, ``ChannelFull``."""

    extensions: ClassVar[list[str]] = ["groups", "flush", *Layer.extensions]

    _mailrooms: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Mailroom]]
    _reader_name: str

    def __new__(cls, *args: Any, **options: Any) -> Self:
        layer = super().__new__(cls, *args, **options)
        layer._mailrooms = WeakKeyDictionary()
        layer._reader_name = new_worker()
        return layer

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Send onto a channel, named or specific to one consumer."""
        check_channel(channel)
        _check_message(message)
        if is_reply_channel(channel):
            await self.publish([Reply(channel, message)])
        else:
            await self.publish([Envelope(channel, uuid.uuid4().hex, message)])

    async def receive(self, channel: str) -> dict[str, Any]:
        """Wait for the next message of a channel: one from `new_channel` of this event loop, or a named one.

        A message of a named channel goes to one of those who receive there, and is gone with it.
        """
        check_channel(channel)
        if is_reply_channel(channel):
            message: dict[str, Any] = await self._mailroom_of(interface_of(channel)).receive(channel)
            return message
        while True:
            for delivery in await self.take(self._reader_name, [channel], count=1, wait=TAKE_WAIT):
                await self.commit(self._reader_name, delivery)
                return dict(delivery.envelope.content)

    async def new_channel(self, prefix: str = "specific") -> str:
        """The name of a channel that nobody else has, to `receive` on from this event loop."""
        rooms = self._mailrooms.setdefault(asyncio.get_running_loop(), {})
        room = rooms.setdefault(prefix, Mailroom(self, prefix, BOX_CAPACITY))
        await room.open()
        return f"{room.name}!{token()}"

    async def group_add(self, group: str, channel: str) -> None:
        """Make a channel from `new_channel` a member; what is sent to the group after this returned reaches it."""
        check_group(group)
        await self.publish([Join(_specific(channel), group)])

    async def group_discard(self, group: str, channel: str) -> None:
        """End a membership, if there is one."""
        check_group(group)
        await self.publish([Leave(_specific(channel), group)])

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send to every member."""
        check_group(group)
        _check_message(message)
        await self.publish([GroupMessage(group, message)])

    def _forget_mail(self) -> None:
        """For `flush`: what waits in this process is gone with the rest."""
        for rooms in list(self._mailrooms.values()):
            for room in list(rooms.values()):
                room.forget()

    def _mailroom_of(self, name: str) -> Mailroom:
        for room in self._mailrooms.get(asyncio.get_running_loop(), {}).values():
            if room.name == name:
                return room
        raise TypeError(f"{name!r} is received by another process or event loop")


def _check_message(message: object) -> None:
    if not isinstance(message, dict):
        raise TypeError(f"a message is a dict, not {message!r}")


def _specific(channel: str) -> str:
    if not is_reply_channel(check_channel(channel)):
        raise TypeError(f"members of a group come from new_channel(); {channel!r} does not")
    return channel
