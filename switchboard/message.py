"""`Message`: what a consumer is called with."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, KeysView, Mapping, ValuesView
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from functools import cached_property
from typing import TYPE_CHECKING, Any

from switchboard.channels import Channel
from switchboard.cookies import parse_cookies
from switchboard.events import Content, Envelope
from switchboard.layers.base import Layer
from switchboard.outbox import Outbox, collecting

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser
    from django.contrib.sessions.backends.base import SessionBase

    from switchboard.sessions import ChannelSession


class Message:
    """One message from a channel, a mapping of its content.

    ``id`` is the same on every redelivery, so effects can be keyed by it. ``reply_channel`` answers the socket or
    request that the message came from, None where there is none. The decorators of `switchboard.sessions` and
    `switchboard.auth` add ``channel_session``, ``http_session`` and ``user``.
    """

    channel_session: ChannelSession
    http_session: SessionBase | None
    user: AbstractBaseUser | AnonymousUser
    #: The consumer that the routing chose, None before that.
    consumer: Callable[..., Any] | None = None
    #: What the routing found in the message: the named groups of its filters.
    kwargs: Mapping[str, str] = {}
    #: Where what is sent for this message is collected, in a batch; see `sending`.
    outbox: Outbox | None = None

    def __init__(
        self,
        content: dict[str, Any],
        channel_name: str,
        channel_layer: Layer,
        *,
        id: str = "",
        travelling_session: Content | None = None,
        session_is_own: bool = False,
    ) -> None:
        self.content = content
        self.id = id
        self.channel = Channel(channel_name, channel_layer=channel_layer)
        self.channel_layer = channel_layer
        reply_channel = content.get("reply_channel")
        self.reply_channel = Channel(reply_channel, channel_layer=channel_layer) if reply_channel else None
        #: What `channel_session` unpacks; ``session_is_own`` where changes go back to the socket's record.
        self.travelling_session = travelling_session
        self.session_is_own = session_is_own

    @classmethod
    def from_envelope(cls, envelope: Envelope, layer: Layer) -> Message:
        """The message that a worker took from a channel."""
        return cls(
            dict(envelope.content),
            envelope.channel,
            layer,
            id=envelope.id,
            travelling_session=envelope.session,
            session_is_own=envelope.order is not None,
        )

    @cached_property
    def cookies(self) -> Mapping[str, str]:
        """The cookies by name, as a view finds them in ``request.COOKIES``.

        Only ``websocket.connect`` and ``http.request`` come with cookies. A header that is longer than
        ``switchboard.cookies.MAX_COOKIE_HEADER_BYTES`` counts as none.
        """
        return parse_cookies(self.get("headers") or (), self.id)

    def sending(self) -> AbstractContextManager[None]:
        """Within the block, what is sent leaves with the acknowledgement of this message: for consumers of a `batch`.

        Elsewhere it changes nothing: there is only one message.
        """
        return nullcontext() if self.outbox is None else collecting(self.outbox)

    def with_content(self, **changed: Any) -> Message:
        """The same message with some keys of its content replaced."""
        return Message(
            {**self.content, **changed},
            self.channel.name,
            self.channel_layer,
            id=self.id,
            travelling_session=self.travelling_session,
            session_is_own=self.session_is_own,
        )

    def __getitem__(self, key: str) -> Any:
        return self.content[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.content[key] = value

    def __contains__(self, key: str) -> bool:
        return key in self.content

    def keys(self) -> KeysView[str]:
        return self.content.keys()

    def values(self) -> ValuesView[Any]:
        return self.content.values()

    def items(self) -> ItemsView[str, Any]:
        return self.content.items()

    def get(self, key: str, default: Any = None) -> Any:
        return self.content.get(key, default)

    def copy(self) -> Message:
        """The message with a content of its own, all the way down."""
        return self.with_content(**deepcopy(self.content))

    def __repr__(self) -> str:
        return f"<Message {self.id} on {self.channel}>"
