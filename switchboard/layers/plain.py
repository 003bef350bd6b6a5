"""Layers that have what the specification of Channel layers asks for and no more, as `Channel` and `Group` use them.

Such a layer carries messages to ordinary Channels consumers and to Channels' own ``runworker``. So what a project sends
there goes through the same two classes as everything else; what interfaces and workers would need is not there, and
their `get_layer <switchboard.layers.named.get_layer>` says so.

What is lost on the way: a message has no id, since nobody would heed it, and the number of a numbered message is left
off, since Channels consumers know no numbers, on our layers neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from channels.exceptions import ChannelFull as ChannelsChannelFull

from switchboard.events import Envelope, GroupMessage, Join, Leave, Output, Reply
from switchboard.exceptions import ChannelFull
from switchboard.layers.base import Layer
from switchboard.layers.extensions import lacking
from switchboard.layers.tips import Tips


class PlainLayer:
    """``layer`` by the one method that sending takes. Its promises are those of ``layer``, and its errors too."""

    #: The in-memory layer wakes only those who wait on the loop that sends.
    any_loop: ClassVar[bool] = False

    def __init__(self, layer: Any) -> None:
        self.layer = layer
        #: Nobody tells them.
        self.tips = Tips()

    async def publish(self, outputs: Sequence[Output]) -> None:
        """Let outputs leave, one after the other.

        Raises:
            ChannelFull: a channel is at its capacity; what came before it was sent.
        """
        for output in outputs:
            await self._send(output)

    async def _send(self, output: Output) -> None:
        match output:
            case Envelope(channel=channel, content=content) | Reply(channel=channel, content=content):
                try:
                    await self.layer.send(channel, content)
                except ChannelsChannelFull as full:
                    raise ChannelFull(channel) from full
            case GroupMessage(group=group, content=content):
                await self.layer.group_send(group, content)
            case Join(channel=channel, group=group):
                await self.layer.group_add(group, channel)
            case Leave(channel=channel, group=group):
                await self.layer.group_discard(group, channel)

    async def close(self) -> None:
        """Its connections end with the loops that opened them."""


def sender_on(layer: Any) -> Layer | PlainLayer:
    """``layer`` to send on: itself, or as a `PlainLayer` where it is no more than that."""
    return PlainLayer(layer) if not isinstance(layer, Layer) and lacking(layer) else layer
