"""`Channel` and `Group`: where a consumer, a view or a shell sends to."""

from __future__ import annotations

import uuid
from typing import Any

from switchboard.bridging import get_current_layer
from switchboard.conf import get_settings
from switchboard.events import Content, Envelope, GroupMessage, Join, Leave, Output, Reply
from switchboard.layers.base import Layer
from switchboard.layers.named import get_sender
from switchboard.layers.plain import PlainLayer, sender_on
from switchboard.names import check_channel, check_group, is_reply_channel
from switchboard.outbox import asend, send


class _OnLayer:
    """Something that lies on a layer, given as such or by its alias in ``CHANNEL_LAYERS``.

    That may be any layer of the specification, see `switchboard.layers.plain`. With neither it is the layer that runs
    the current consumer or view, and elsewhere the layer of ``SWITCHBOARD["LAYER"]``.
    """

    def __init__(self, alias: str | None, channel_layer: Any) -> None:
        self._alias = alias
        self._layer = None if channel_layer is None else sender_on(channel_layer)

    @property
    def channel_layer(self) -> Layer | PlainLayer:
        """The layer, found when it is needed: a channel may be made before the settings are final."""
        if self._layer is not None:
            return self._layer
        if self._alias is not None:
            return get_sender(self._alias)
        return get_current_layer() or get_sender(get_settings().LAYER)


class Channel(_OnLayer):
    """A named channel, or the reply channel of one socket or HTTP request.

    Raises:
        TypeError: the name is no channel's name.
    """

    def __init__(self, name: str, alias: str | None = None, channel_layer: Any = None) -> None:
        self.name = check_channel(name)
        super().__init__(alias, channel_layer)

    def send(self, content: Content, immediately: bool = False) -> None:
        """Send ``content``: from a consumer when it returns, elsewhere at once.

        ``immediately`` sends at once from a consumer too, as in Channels 1.x. Nothing takes that back if the consumer
        raises, and a message that runs twice sends it twice. It is the way to send from a task or thread that
        outlives its consumer.

        Raises:
            ChannelFull: a named channel is at its capacity; nothing was sent.
            ContentError: the content cannot go over the wire.
            OutboxClosed: a task or thread that a consumer started sends after that consumer returned.
            RuntimeError: called on an event loop where it would have to wait; use `asend`.
        """
        send(self.channel_layer, self._output(content), immediately)

    async def asend(self, content: Content, immediately: bool = False) -> None:
        """`send` for ``async def``."""
        await asend(self.channel_layer, self._output(content), immediately)

    def _output(self, content: Content) -> Output:
        content = _checked(content)
        if is_reply_channel(self.name):
            return Reply(self.name, content)
        return Envelope(self.name, uuid.uuid4().hex, content)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"Channel({self.name!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Channel) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)


class Group(_OnLayer):
    """The sockets that were added to it, wherever they are. A socket that closes leaves by itself.

    Raises:
        TypeError: the name is no group's name.
    """

    def __init__(self, name: str, alias: str | None = None, channel_layer: Any = None) -> None:
        self.name = check_group(name)
        super().__init__(alias, channel_layer)

    def add(self, channel: Channel | str, *, seq: int | None = None, immediately: bool = False) -> None:
        """Make a socket, by its reply channel, a member; from a consumer when it returns, elsewhere at once.

        ``seq``: it has every numbered message of the group up to that one, and is to get each later one.
        ``immediately``: see `Channel.send`.
        """
        send(self.channel_layer, Join(_reply_name(channel), self.name, seq), immediately)

    def discard(self, channel: Channel | str, *, immediately: bool = False) -> None:
        """End a socket's membership, if it is a member."""
        send(self.channel_layer, Leave(_reply_name(channel), self.name), immediately)

    def send(self, content: Content, immediately: bool = False, *, seq: int | None = None) -> None:
        """Send ``content`` (``text``, ``bytes`` or ``close``) to every member; see `Channel.send`.

        ``seq`` numbers the message, from 1 without holes: members that were added with a ``seq`` get the numbered
        messages in the order of their numbers, each once, whatever the order in which they were sent. What is missing
        between two of them the interface asks for on the channel ``group.repair``.

        A group's messages are never refused for want of room. A client that reads too slowly is closed. An interface
        that falls too far behind loses what it has not read, and asks for the numbered messages again.
        """
        send(self.channel_layer, self._message(content, seq), immediately)

    async def aadd(self, channel: Channel | str, *, seq: int | None = None, immediately: bool = False) -> None:
        """`add` for ``async def``."""
        await asend(self.channel_layer, Join(_reply_name(channel), self.name, seq), immediately)

    async def adiscard(self, channel: Channel | str, *, immediately: bool = False) -> None:
        """`discard` for ``async def``."""
        await asend(self.channel_layer, Leave(_reply_name(channel), self.name), immediately)

    async def asend(self, content: Content, immediately: bool = False, *, seq: int | None = None) -> None:
        """`send` for ``async def``."""
        await asend(self.channel_layer, self._message(content, seq), immediately)

    def _message(self, content: Content, seq: int | None) -> GroupMessage:
        if seq is not None and seq < 1:
            raise ValueError(f"the numbers of a group's messages begin at 1, not at {seq!r}")
        return GroupMessage(self.name, _checked(content), seq)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"Group({self.name!r})"


def _checked(content: Any) -> Content:
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise TypeError(f"a message's content is a dict with names as its keys, not {content!r}")
    return content


def _reply_name(channel: Channel | str) -> str:
    name = check_channel(str(channel))
    if not is_reply_channel(name):
        raise TypeError(f"members of a group are reply channels, not {name!r}")
    return name
