"""A test client for authors of consumers: no network, no processes, the real layer, router and dispatcher.

::

    client = Client()
    client.send_and_consume("websocket.receive", {"path": "/chat/x/", "text": "…"})
    assert client.receive() == {"text": "…"}

The client is an interface with one socket. What it sends lies on the layer like any message; `Client.consume` takes the
oldest message of a channel, runs its consumer in the calling thread (so inside the test's transaction), and commits.
For tests that are not ``async def``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from switchboard.bridging import call
from switchboard.conf import get_settings
from switchboard.events import Ack, Content, Envelope, GroupMessage, InboxEvent, Join, Leave, Reply, Tip
from switchboard.exceptions import ChannelFull
from switchboard.isolation import keeping_connections
from switchboard.layers.base import Delivery, Enqueued, Layer
from switchboard.layers.named import get_layer
from switchboard.message import Message
from switchboard.names import (
    CONNECT,
    DISCONNECT,
    HTTP_REQUEST,
    RECEIVE,
    SOCKET_CHANNELS,
    new_interface,
    new_reply_channel,
    new_worker,
)
from switchboard.responses import finish_responses
from switchboard.routing import Router
from switchboard.worker.committer import Committer
from switchboard.worker.dispatch import Dispatcher
from switchboard.worker.runner import Runner
from switchboard.worker.solitude import Solitude

#: Seconds for a long response to reach the client.
RESPONSE_TIMEOUT = 60.0


class Client:
    """One socket, as its consumers see it.

    ``session`` is its channel session to begin with, ``user`` somebody who is logged in there. Without ``layer`` and
    ``router`` those of the settings are used. Consumers and views that it runs send on its layer too, unless they name
    another.
    """

    def __init__(
        self,
        *,
        session: Mapping[str, Any] | None = None,
        user: AbstractBaseUser | None = None,
        layer: Layer | None = None,
        router: Router | None = None,
    ) -> None:
        self.layer = layer or get_layer(get_settings().LAYER)
        self.channel_session: dict[str, Any] = {**(session or {}), **(login_keys(user) if user else {})}
        self._interface = new_interface()
        self.reply_channel = new_reply_channel(self._interface)
        self._worker = new_worker()
        self._runner = _Raising(self.layer, router or Router(settings.CHANNEL_ROUTING), CallingThread())
        committer = Committer(self.layer, self._worker)
        self._dispatcher = Dispatcher(self.layer, self._runner, self._worker, committer, Solitude())
        self._groups: set[str] = set()
        self._replies: list[Content] = []
        self._read = 0
        self._order = -1
        call(self.layer, lambda layer: layer.open_inbox(self._interface))

    # -- towards the consumers

    def send(self, channel: str, content: Mapping[str, Any] | None = None) -> None:
        """Put a message on ``channel``, with the client's reply channel.

        Raises:
            ChannelFull: the channel is at its capacity.
        """
        content = {"reply_channel": self.reply_channel, **(content or {})}
        if channel not in SOCKET_CHANNELS:
            call(self.layer, lambda layer: layer.publish([Envelope(channel, new_worker(), content)]))
            return
        if self._order < 0 and (channel != CONNECT or self.channel_session):
            self._begin_with_session()
        self._enqueue(channel, content)

    def consume(self, channel: str, *, fail_on_none: bool = True) -> bool:
        """Run the consumer of the oldest message on ``channel``; False if there was none and that may be.

        Raises:
            AssertionError: there was no message.
            Exception: whatever the consumer raised, unless its `on_error` hook was there to answer.
        """
        delivery = self._take(channel)
        if delivery is None:
            assert not fail_on_none, f"no message on {channel}"
            return False
        self._runner.raised = None
        with keeping_connections():
            async_to_sync(self._handle)(delivery)
        if self._runner.raised is not None:
            raise self._runner.raised
        return True

    async def _handle(self, delivery: Delivery) -> None:
        await self._dispatcher.handle(delivery)
        finishing = asyncio.create_task(finish_responses(self.layer, RESPONSE_TIMEOUT))
        await asyncio.sleep(0)  # it is done, unless there is a long response
        read = self._read
        while not finishing.done():
            # As an interface does whose client reads everything at once.
            for entry in await self.layer.read_inbox(self._interface, read, wait=0.01):
                read = entry.number
                for event in entry.events:
                    if isinstance(event, Reply) and "report" in event.content:
                        await self.layer.report_written(event.channel, event.content["report"])
        await finishing

    def send_and_consume(self, channel: str, content: Mapping[str, Any] | None = None) -> None:
        """`send`, then `consume`."""
        self.send(channel, content)
        self.consume(channel)

    def get_next_message(self, channel: str, *, require: bool = False) -> Message | None:
        """Take the oldest message of ``channel`` away without running anything.

        Raises:
            AssertionError: there is none and ``require``.
        """
        delivery = self._take(channel)
        assert delivery is not None or not require, f"no message on {channel}"
        if delivery is None:
            return None
        call(self.layer, lambda layer: layer.commit(self._worker, delivery))
        return Message.from_envelope(delivery.envelope, self.layer)

    # -- from the consumers

    def receive(self) -> dict[str, Any] | None:
        """The next thing sent to this socket, to itself or to a group it is in; None if there is nothing."""
        self._read_inbox()
        return dict(self._replies.pop(0)) if self._replies else None

    def received(self) -> list[dict[str, Any]]:
        """Everything that `receive` would return."""
        return list(iter(self.receive, None))

    def join_group(self, name: str) -> None:
        """Make this socket a member of a group."""
        call(self.layer, lambda layer: layer.publish([Join(self.reply_channel, name)]))

    @property
    def groups(self) -> set[str]:
        """The groups that this socket is a member of."""
        self._read_inbox()
        return set(self._groups)

    # -- inside

    def _enqueue(self, channel: str, content: Content) -> None:
        self._order += 1
        content = {"order": self._order, **content}
        envelope = Envelope(channel, f"{self.reply_channel}/{self._order}", content, self.reply_channel, self._order)
        if call(self.layer, lambda layer: layer.enqueue(envelope)).outcome is Enqueued.FULL:
            raise ChannelFull(channel)

    def _begin_with_session(self) -> None:
        """The record of a socket is made by a connect and its session by a commit: both, with no consumer run."""
        self._enqueue(CONNECT, {"reply_channel": self.reply_channel})
        delivery = next(
            delivery for delivery in self._take_all(CONNECT) if delivery.envelope.socket == self.reply_channel
        )
        call(self.layer, lambda layer: layer.commit(self._worker, delivery, session=self.channel_session))

    def _take(self, channel: str) -> Delivery | None:
        taken = call(self.layer, lambda layer: layer.take(self._worker, [channel], count=1, wait=0))
        return taken[0] if taken else None

    def _take_all(self, channel: str) -> Iterable[Delivery]:
        while (delivery := self._take(channel)) is not None:
            yield delivery

    def _read_inbox(self) -> None:
        for entry in call(self.layer, lambda layer: layer.read_inbox(self._interface, self._read, wait=0)):
            self._read = entry.number
            for event in entry.events:
                self._note(event)

    def _note(self, event: InboxEvent) -> None:
        if isinstance(event, GroupMessage):
            if event.group in self._groups:
                self._replies.append(event.content)
        elif isinstance(event, Tip) or event.channel != self.reply_channel:
            return
        elif isinstance(event, Reply):
            self._replies.append(event.content)
        elif isinstance(event, Join):
            self._groups.add(event.group)
        elif isinstance(event, Leave):
            self._groups.discard(event.group)
        elif isinstance(event, Ack) and event.session is not None:
            self.channel_session = dict(event.session)


class WSClient(Client):
    """A socket on a path, with the steps of its life. ``user`` is logged in by a session cookie, as in a browser."""

    def __init__(
        self,
        path: str,
        *,
        headers: Sequence[tuple[bytes, bytes]] = (),
        subprotocols: Sequence[str] = (),
        user: AbstractBaseUser | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.path, _, self._query = path.partition("?")
        self._headers = [list(header) for header in headers]
        self._subprotocols = list(subprotocols)
        if user is not None:
            self._headers.append([b"cookie", _session_cookie(user)])

    def connect(self) -> dict[str, Any] | None:
        """Open the socket; returns the first thing that its consumer sent, normally the accept."""
        handshake = {
            "path": unquote(self.path),
            "query_string": self._query.encode(),
            "headers": self._headers,
            "subprotocols": self._subprotocols,
            "client": ["127.0.0.1", 50000],
            "server": ["127.0.0.1", 8000],
        }
        self.send_and_consume(CONNECT, handshake)
        return self.receive()

    def text(self, text: str) -> None:
        """Send a text frame and run its consumer."""
        self.send_and_consume(RECEIVE, {"path": self.path, "text": text})

    def binary(self, data: bytes) -> None:
        """Send a binary frame and run its consumer."""
        self.send_and_consume(RECEIVE, {"path": self.path, "bytes": data})

    def disconnect(self, code: int = 1000) -> None:
        """Close the socket and run the consumer of that."""
        self.send_and_consume(DISCONNECT, {"path": self.path, "code": code})


class HttpClient(Client):
    """Requests to consumers of ``http.request``."""

    def request(
        self, method: str, path: str, *, body: bytes = b"", headers: Sequence[tuple[bytes, bytes]] = ()
    ) -> dict[str, Any]:
        """The response: ``status``, ``headers`` and the whole ``content``."""
        path, _, query = path.partition("?")
        content = {
            "reply_channel": self.reply_channel,
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "query_string": query.encode(),
            "headers": [[b"host", b"testserver"], *(list(header) for header in headers)],
            "body": body,
            "client": ["127.0.0.1", 50000],
            "server": ["127.0.0.1", 8000],
        }
        envelope = Envelope(HTTP_REQUEST, new_worker(), content, self.reply_channel)
        assert call(self.layer, lambda layer: layer.request(envelope, timeout=60))
        # Django's own test client does the same: closing "old" connections would end the test's transaction.
        request_started.disconnect(close_old_connections)
        request_finished.disconnect(close_old_connections)
        try:
            self.consume(HTTP_REQUEST)
        finally:
            request_started.connect(close_old_connections)
            request_finished.connect(close_old_connections)
        first, *rest = self.received()
        return {**first, "content": b"".join(part.get("content", b"") for part in (first, *rest))}


class _Raising(Runner):
    """Keeps what a consumer raised for the test instead of logging it."""

    raised: Exception | None = None

    def report(self, message: Message, error: Exception) -> None:
        self.raised = None if getattr(message.consumer, "error_hook", None) else error


def login_keys(user: AbstractBaseUser) -> dict[str, str]:
    """What a session holds of a logged-in ``user``."""
    return {
        SESSION_KEY: user._meta.pk.value_to_string(user),
        BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }


def _session_cookie(user: AbstractBaseUser) -> bytes:
    from importlib import import_module

    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session.update(login_keys(user))
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}".encode()


class CallingThread:
    """The thread that called `async_to_sync`, which has the test's database connection."""

    is_stuck = False

    async def run(self, function: Callable[[], Any], seconds: float | None) -> Any:
        """In a test nothing is overdue: it has its own time limit."""
        return await sync_to_async(function, thread_sensitive=True)()
