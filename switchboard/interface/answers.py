"""What a consumer may send to a socket: ``accept``, ``subprotocol``, ``frames``, ``answers``, ``text`` or ``bytes``,
``close``.

The format of Channels 1.x, checked once for all sockets that get it, and encoded once. Three differences: an empty text
is a frame too; an ``accept`` may bring ``frames``, texts that the interface sends when it has to speak by itself, and
``answers``, which it gives by itself when the client sends certain texts, as a ping that no worker need hear of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from weakref import WeakValueDictionary

from switchboard.events import Content
from switchboard.interface.frames import Frame

__all__ = ["NORMAL_CLOSURE", "Answer", "may_be_sent", "read_answer"]

#: The close code for ``{"close": True}`` (RFC 6455, 7.4.1).
NORMAL_CLOSURE = 1000

_KEYS = frozenset({"accept", "subprotocol", "frames", "answers", "text", "bytes", "close"})

#: Of ``frames`` and of ``answers`` there may be so many, with so many bytes of names and texts together: each socket
#: keeps what it is given for as long as it lives.
MOST_CANNED: Final = 16
MOST_CANNED_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. Its parts take effect in the order of the fields, `accept` False meaning a refusal."""

    accept: bool | None = None
    subprotocol: str | None = None
    frames: Mapping[str, Frame] = field(default_factory=dict)
    answers: Mapping[str, Frame] = field(default_factory=dict)
    frame: Frame | None = None
    close: int | None = None

    @property
    def only_frame(self) -> Frame | None:
        """The frame, if the answer is nothing else."""
        alone = self.accept is None and self.close is None and not self.frames and not self.answers
        return self.frame if alone else None


def read_answer(content: Content) -> Answer:
    """The typed form of ``content``.

    Raises:
        ValueError: it has unknown keys, both text and bytes, a value of the wrong type, or a close code that must not
            be sent.
    """
    text = content.get("text")
    if len(content) == 1 and isinstance(text, str):
        return Answer(frame=Frame.of_text(text))  # nearly all of them
    if unknown := content.keys() - _KEYS:
        raise ValueError(f"unknown keys {sorted(unknown)}")
    return Answer(
        accept=_optional(content, "accept", bool),
        subprotocol=_optional(content, "subprotocol", str),
        frames=_canned(content, "frames"),
        answers=_canned(content, "answers"),
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


class _Canned(dict[str, Frame]):
    """Texts as frames, by names or by other texts."""

    __slots__ = ("__weakref__",)


#: Those that any socket has; mostly all sockets are given the same.
_shared: WeakValueDictionary[frozenset[tuple[str, str]], _Canned] = WeakValueDictionary()
_NONE: Final[Mapping[str, Frame]] = {}


def _canned(content: Content, key: str) -> Mapping[str, Frame]:
    texts = content.get(key)
    if texts is None:
        return _NONE
    if not isinstance(texts, Mapping) or not all(isinstance(text, str) for pair in texts.items() for text in pair):
        raise ValueError(f"{key!r} is no dict of texts")
    size = sum(len(text.encode()) for pair in texts.items() for text in pair)
    if len(texts) > MOST_CANNED or size > MOST_CANNED_BYTES:
        raise ValueError(
            f"{key!r} has {len(texts)} texts of {size} bytes, more than {MOST_CANNED} or {MOST_CANNED_BYTES}"
        )
    same = frozenset(texts.items())
    canned = _shared.get(same)
    if canned is None:
        canned = _shared[same] = _Canned({name: Frame.of_text(text) for name, text in same})
    return canned


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
