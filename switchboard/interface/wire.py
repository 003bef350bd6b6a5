"""What the interface says to the server that holds the TCP connection.

An ASGI ``send`` is a coroutine function, but Daphne's never waits: it hands the message to Twisted and returns. So a
socket's frames are said from plain functions, in one go and in order, with no task for each frame. `Wire` says it to
stock Daphne or to our own `Server`, which announces by an extension of the scope that it can do more: any close code,
empty frames, frames that are encoded already, and not reading from a client for a while.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final, TypeAlias

from switchboard.interface.answers import NORMAL_CLOSURE, Frame

logger = logging.getLogger(__name__)

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Any]]
Send: TypeAlias = Callable[[Any], Awaitable[None]]

#: The key in a scope's ``extensions`` by which our own server says what it is.
EXTENSION: Final = "switchboard"
#: A message to our own server: whether to read from the client.
READ: Final = "switchboard.read"


def is_extended(scope: Scope) -> bool:
    """Whether the connection is held by `switchboard.interface.server.Server`."""
    return EXTENSION in (scope.get("extensions") or {})


class Wire:
    """The server's end of one socket."""

    __slots__ = ("_extended", "_send")

    def __init__(self, scope: Scope, send: Send) -> None:
        self._send = send
        self._extended = is_extended(scope)

    def accept(self, subprotocol: str | None) -> None:
        self._say({"type": "websocket.accept", "subprotocol": subprotocol})

    def deny(self) -> None:
        self._say({"type": "websocket.close"})

    def frame(self, frame: Frame) -> None:
        message: dict[str, Any] = {"type": "websocket.send"}
        if self._extended:
            message["payload"] = frame.payload
        if frame.text is None:
            message["bytes"] = frame.payload
        else:
            message["text"] = frame.text
        self._say(message)

    def close(self, code: int) -> None:
        self._say({"type": "websocket.close", "code": code if self._extended else _taken_by_daphne(code)})

    def read(self, on: bool) -> None:
        """Read from the client, or don't, which stock Daphne can't."""
        if self._extended:
            self._say({"type": READ, "on": on})

    def _say(self, message: Mapping[str, Any]) -> None:
        saying = self._send(message)
        try:
            saying.send(None)  # type: ignore[attr-defined]
        except StopIteration:
            return
        except Exception:
            # One socket's trouble must not keep a group's message from the others.
            logger.exception("the server did not take %r", message["type"])
        else:
            saying.close()  # type: ignore[attr-defined]
            raise RuntimeError("this server's send() waits; the interface runs on Daphne, whose send() does not")


def _taken_by_daphne(code: int) -> int:
    """Stock Daphne can send 1000 and 3000 to 4999; 1013 becomes 4013 there, and the like."""
    return code if code == NORMAL_CLOSURE or code >= 3000 else code + 3000
