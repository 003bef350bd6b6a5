"""The project's routing, with each connect and disconnect written down, and texts that harm whoever runs them.

Whatever consumers the project names, they run as they are: what this adds happens right before.
"""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from switchboard import Message
from switchboard.names import CONNECT, DISCONNECT, RECEIVE, SOCKET_CHANNELS
from switchboard.routing import Match, Router
from tests.e2e.chaos import journal
from tests.e2e.chaos.words import DEADLY, POISON


class Poisoned(Exception):
    """Asked for by a client."""


class Watched:
    """All routes of the project, watched."""

    def __init__(self) -> None:
        self._router = Router("routing.channel_routing")

    def match(self, message: Message) -> Match | None:
        found = self._router.match(message)
        if found is None or message.channel.name not in SOCKET_CHANNELS:
            return found
        consumer, kwargs = found
        return _watched(consumer), kwargs

    def channel_names(self) -> set[str]:
        return self._router.channel_names()

    def batched(self) -> Mapping[str, int]:
        return self._router.batched()


@functools.cache  # what one consumer gets together it gets together still
def _watched(consumer: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(consumer)  # takes its error hook along, and that it wants batches
    def watched(message: Message | list[Message], **kwargs: Any) -> Any:
        for each in message if isinstance(message, list) else [message]:
            _watch(each)
        return consumer(message, **kwargs)

    return watched


def _watch(message: Message) -> None:
    channel, reply_channel = message.channel.name, str(message.reply_channel)
    if channel == CONNECT:
        for socket in parse_qs(_text(message.content.get("query_string", b""))).get("socket", ()):
            journal.write("connect", socket, reply_channel)
    elif channel == DISCONNECT:
        journal.write("disconnect", reply_channel)
    elif channel == RECEIVE and POISON in _text(message.content.get("text") or ""):
        raise Poisoned
    elif channel == RECEIVE and DEADLY in _text(message.content.get("text") or ""):
        os.kill(os.getpid(), signal.SIGKILL)


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


channel_routing = [Watched()]
