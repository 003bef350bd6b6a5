"""What the hub and the server that holds the TCP connection say to each other about one socket.

There are two kinds of servers. **Our own** (`server`) puts a `DirectWire` into the scope's extensions: both sides call
each other's methods, and no message, queue or coroutine is between them. It can do more than ASGI has words for: send
any close code, empty frames and frames that are encoded already, and leave a client unread for a while.

**Stock Daphne** is told in messages (`AsgiWire`). An ASGI ``send`` is a coroutine function, but Daphne's never waits:
it hands the message to Twisted and returns. So a socket's frames are said from plain functions here too, in one go and
in order, with no task for each.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final, Protocol, TypeAlias

from switchboard.interface.answers import NORMAL_CLOSURE
from switchboard.interface.frames import Frame

__all__ = [
    "EXTENSION",
    "AsgiWire",
    "ClosedWire",
    "DirectWire",
    "Listener",
    "Receive",
    "Scope",
    "Send",
    "Wire",
    "direct_wire",
    "is_extended",
]

logger = logging.getLogger(__name__)

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Any]]
Send: TypeAlias = Callable[[Any], Awaitable[None]]

#: The key in a scope's ``extensions`` by which our own server says what it is; for a socket its value is the wire, for
#: a request the client's `switchboard.interface.slow_readers.Backlog`.
EXTENSION: Final = "switchboard"


class Wire(Protocol):
    """The server's end of one socket. Nothing here waits or raises; what comes too late is dropped."""

    def accept(self, subprotocol: str | None) -> None:
        """Answer the handshake with 101."""

    def deny(self) -> None:
        """Answer the handshake with 403."""

    def frame(self, frame: Frame) -> None:
        """Send a data frame."""

    def close(self, code: int) -> None:
        """Send a close frame."""

    def read(self, on: bool) -> None:
        """Read from the client, or don't, which stock Daphne can't."""


class Listener(Protocol):
    """Who hears what the client does: the hub's side of one socket."""

    def frame(self, data: str | bytes) -> None:
        """The client sent a data frame."""

    def lost(self, code: int) -> None:
        """The client is gone, with the code by which it closed. Nothing is heard after it."""


class DirectWire(Wire, Protocol):
    """The wire of a server that tells what it hears by itself."""

    def hear(self, listener: Listener) -> None:
        """Tell ``listener`` from now on, instead of the application's queue."""


def is_extended(scope: Scope) -> bool:
    """Whether the connection is held by `switchboard.interface.server.Server`."""
    return EXTENSION in (scope.get("extensions") or {})


def direct_wire(scope: Scope) -> DirectWire | None:
    """The wire of a socket that our own server holds."""
    wire: DirectWire | None = (scope.get("extensions") or {}).get(EXTENSION)
    return wire


class ClosedWire:
    """The wire of sockets whose client is gone. Drops everything.

    A socket lives on until its disconnect was handled. Its server's end, with some 10 KB of buffers and parsers, does
    not have to.
    """

    __slots__ = ()

    def accept(self, subprotocol: str | None) -> None:
        pass

    def deny(self) -> None:
        pass

    def frame(self, frame: Frame) -> None:
        pass

    def close(self, code: int) -> None:
        pass

    def read(self, on: bool) -> None:
        pass


class AsgiWire:
    """A socket of stock Daphne."""

    __slots__ = ("_send",)

    def __init__(self, send: Send) -> None:
        self._send = send

    def accept(self, subprotocol: str | None) -> None:
        self._say({"type": "websocket.accept", "subprotocol": subprotocol})

    def deny(self) -> None:
        self._say({"type": "websocket.close"})

    def frame(self, frame: Frame) -> None:
        content = {"bytes": frame.payload} if frame.text is None else {"text": frame.text}
        self._say({"type": "websocket.send", **content})

    def close(self, code: int) -> None:
        self._say({"type": "websocket.close", "code": _taken_by_daphne(code)})

    def read(self, on: bool) -> None:
        pass

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
