"""How a message looks on the wire of each server: the same chat, the same text, another framing.

A text carries its key, ``#key:`` and sixteen digits. A frame with a key in it is somebody's message, for the member
that hears it; so a delivery is recognised by one search in its bytes, without reading JSON 60,000 times a second. All
other frames are few and are read with care by ``read``.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, ClassVar
from urllib.parse import quote

__all__ = ["DIALECTS", "KEY_DIGITS", "KEY_MARK", "Dialect", "Kind", "Reading", "key_in", "text_of"]

KEY_MARK = b"#key:"
KEY_DIGITS = 16

#: With the key about as long as a line that people type.
_PATTERN = "#key:{:016d} a line of a chat, as people type"


def text_of(key: int) -> str:
    """What is said under this key."""
    return _PATTERN.format(key)


def key_in(payload: bytes) -> int | None:
    """The first key in a frame."""
    at = payload.find(KEY_MARK)
    return None if at < 0 else int(payload[at + len(KEY_MARK) : at + len(KEY_MARK) + KEY_DIGITS])


class Kind(Enum):
    """What a frame that is no delivery says."""

    READY = auto()  # the member is in its room and hears everything from now on
    STORED = auto()  # the sender's message is acknowledged
    REFUSED = auto()  # something was not accepted
    NOTHING = auto()


@dataclass(frozen=True, slots=True)
class Reading:
    """What a frame says, and what is to be sent in answer."""

    kind: Kind
    answer: str | None = None


class Dialect(ABC):
    """One framing. It has no state, so that all members share one."""

    name: ClassVar[str]
    subprotocol: ClassVar[str | None] = None
    #: The first frame after the handshake. Without one, and without ``waits``, a member is ready at once.
    opening: ClassVar[str | None] = None
    #: Whether the member is ready only when a frame says so.
    waits: ClassVar[bool] = True
    #: Whether each message is acknowledged to its sender.
    acknowledges: ClassVar[bool] = False

    @abstractmethod
    def target(self, room: str) -> str:
        """Path and query of a room's socket."""

    @abstractmethod
    def say(self, key: int) -> str:
        """The frame that says the text of this key."""

    def read(self, payload: bytes) -> Reading:
        """A frame that is no delivery."""
        return Reading(Kind.NOTHING)


class V1(Dialect):
    """`switchboard.v1`, as the page speaks it (`docs/wire.md`): hello and welcome, client ids, acknowledgements."""

    name = "v1"
    subprotocol = "switchboard.v1"
    opening = '{"t": "hello"}'
    acknowledges = True
    _kinds: ClassVar[dict[Any, Kind]] = {"welcome": Kind.READY, "ack": Kind.STORED, "nack": Kind.REFUSED}

    def target(self, room: str) -> str:
        return f"/chat/{room}/"

    def say(self, key: int) -> str:
        return json.dumps({"t": "msg", "cid": f"k{key}", "handle": "ada", "body": text_of(key)})

    def read(self, payload: bytes) -> Reading:
        return Reading(self._kinds.get(json.loads(payload).get("t"), Kind.NOTHING))


class Classic(Dialect):
    """The 2016 example's: plain JSON, no acknowledgement. The peers without a protocol of their own speak it too."""

    name = "classic"
    waits = False

    def target(self, room: str) -> str:
        return f"/chat/{room}/"

    def say(self, key: int) -> str:
        return json.dumps({"handle": "ada", "message": text_of(key)})


class SocketIO(Dialect):
    """Socket.IO 5 over Engine.IO 4, over a WebSocket from the first byte.

    The packets' types are digits in front, by https://socket.io/docs/v4/engine-io-protocol/ and
    https://socket.io/docs/v4/socket-io-protocol/: ``0`` open, ``2`` ping, ``3`` pong, ``40`` connect, ``42`` event,
    ``44`` connect error.
    """

    name = "socket.io"

    def target(self, room: str) -> str:
        return f"/socket.io/?EIO=4&transport=websocket&room={quote(room)}"

    def say(self, key: int) -> str:
        return "42" + json.dumps(["message", {"handle": "ada", "message": text_of(key)}], separators=(",", ":"))

    def read(self, payload: bytes) -> Reading:
        if payload.startswith(b"40"):
            return Reading(Kind.READY)
        if payload.startswith(b"44"):
            return Reading(Kind.REFUSED)
        if payload.startswith(b"0"):
            return Reading(Kind.NOTHING, answer="40")
        if payload.startswith(b"2"):
            return Reading(Kind.NOTHING, answer="3" + payload[1:].decode())
        return Reading(Kind.NOTHING)


DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in (V1(), Classic(), SocketIO())}
