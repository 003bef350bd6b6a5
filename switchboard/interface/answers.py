"""What a consumer may send to a socket: ``accept``, ``subprotocol``, ``frames``, ``text`` or ``bytes``, ``close``.

The format of Channels 1.x, checked once for all sockets that get it, and encoded once. Two differences: an empty text
is a frame too, and an ``accept`` may bring ``frames``, texts that the interface sends when it has to speak by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from switchboard.events import Content
from switchboard.interface.frames import Frame

__all__ = ["NORMAL_CLOSURE", "Answer", "may_be_sent", "read_answer"]

#: The close code for ``{"close": True}`` (RFC 6455, 7.4.1).
NORMAL_CLOSURE = 1000

_KEYS = frozenset({"accept", "subprotocol", "frames", "text", "bytes", "close"})


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. Its parts take effect in the order of the fields, `accept` False meaning a refusal."""

    accept: bool | None = None
    subprotocol: str | None = None
    frames: Mapping[str, Frame] = field(default_factory=dict)
    frame: Frame | None = None
    close: int | None = None


def read_answer(content: Content) -> Answer:
    """The typed form of ``content``.

    Raises:
        ValueError: it has unknown keys, both text and bytes, a value of the wrong type, or a close code that must not
            be sent.
    """
    if unknown := content.keys() - _KEYS:
        raise ValueError(f"unknown keys {sorted(unknown)}")
    return Answer(
        accept=_optional(content, "accept", bool),
        subprotocol=_optional(content, "subprotocol", str),
        frames=_canned(content.get("frames")),
        frame=_frame(_optional(content, "text", str), _optional(content, "bytes", bytes)),
        close=_close_code(content.get("close")),
    )


def may_be_sent(code: int) -> bool:
    """Whether an endpoint may put ``code`` into a close frame (RFC 6455, 7.4; IANA's registry for 1012 to 1014)."""
    return code in (1000, 1001, 1002, 1003) or 1007 <= code <= 1014 or 3000 <= code <= 4999


def _optional(content: Content, key: str, kind: type) -> Any:
    value = content.get(key)
    if value is not None and not isinstance(value, kind):
        raise ValueError(f"{key!r} is a {type(value).__name__}, not a {kind.__name__}")
    return value


def _canned(frames: Any) -> Mapping[str, Frame]:
    if frames is None:
        return {}
    if not isinstance(frames, Mapping) or not all(isinstance(text, str) for text in frames.values()):
        raise ValueError("'frames' is no dict of names and texts")
    return {str(name): Frame.of_text(text) for name, text in frames.items()}


def _frame(text: str | None, data: bytes | None) -> Frame | None:
    if text is not None and data is not None:
        raise ValueError("both text and bytes")
    if text is not None:
        return Frame.of_text(text)
    return None if data is None else Frame(data)


def _close_code(close: Any) -> int | None:
    if close is None or close is False:
        return None
    if close is True:
        return NORMAL_CLOSURE
    if not isinstance(close, int) or not may_be_sent(close):
        raise ValueError(f"'close' is {close!r}, not True or a close code that may be sent")
    return close
