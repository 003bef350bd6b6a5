"""Every message on the wire, typed.

Two kinds of places hold messages. A **named channel** holds `Envelope`: what happened at a socket, an HTTP
request, or what one consumer sent another. The **inbox** of an interface holds `InboxEntry`: an ordered handful of
events, written in one step. What a consumer sends (its *outputs*) are the same types on their way there.

An `InboxEntry` that comes from a commit names the socket and the order of the message that was handled. Its
events for that very socket (`Reply`, `Join`, `Leave`, `Ack`) count only while that message is the one under way;
group messages count always.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

#: A message's content, in the format of Channels 1.x: str keys; str, bytes, numbers, bools, None, lists, dicts.
Content: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message for a named channel.

    ``id`` stays the same however often the message is delivered. ``socket`` and ``order`` are set when the message
    came from a socket, whose record then guards it: the connect has order 0, each later one is one higher.
    ``socket`` is set without ``order`` for an HTTP request. ``session`` is the socket's channel session as it was
    when the message was queued: the layer fills it in for a socket's own message, and carries what it is given for
    one that a consumer sends on.
    """

    channel: str
    id: str
    content: Content
    socket: str | None = None
    order: int | None = None
    session: Content | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """Something for one socket or request: ``accept``, ``text``, ``bytes``, ``close``, or a part of a response."""

    channel: str
    content: Content


@dataclass(frozen=True, slots=True)
class GroupMessage:
    """The same content for every member of a group.

    ``seq`` numbers the messages of a group whose members are to get all of them, in the order of the numbers. Without
    it a message has no place among the numbered ones and is delivered as it comes.
    """

    group: str
    content: Content
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class Join:
    """A socket becomes a member of a group. ``seq``: it has every numbered message up to that one."""

    channel: str
    group: str
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class Tip:
    """A group's last number is ``seq``, or was a moment ago: whoever has less missed something."""

    group: str
    seq: int


@dataclass(frozen=True, slots=True)
class Leave:
    """A socket is no longer a member of a group."""

    channel: str
    group: str


@dataclass(frozen=True, slots=True)
class Ack:
    """A socket's message ``order`` has been handled; the next may be queued.

    ``failed``: its consumer raised and no error hook answered. ``session`` is the channel session if it changed.
    """

    channel: str
    order: int
    failed: bool = False
    session: Content | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """``worker`` has begun an HTTP request, which from now on no other will run."""

    channel: str
    worker: str


#: What a consumer may send.
Output: TypeAlias = Envelope | Reply | GroupMessage | Tip | Join | Leave
#: What an interface may find in its inbox.
InboxEvent: TypeAlias = Reply | GroupMessage | Tip | Join | Leave | Ack | Claimed


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """What one commit, or one send outside a consumer, put into an inbox.

    ``number`` counts the entries of an inbox from 1 without a hole. ``socket`` and ``order`` name the message whose
    commit this is, if it is one. ``size`` is what the events take in the inbox, in bytes.
    """

    number: int
    events: tuple[InboxEvent, ...]
    socket: str | None = None
    order: int | None = None
    size: int = field(default=0, compare=False)


_KINDS: dict[str, type[InboxEvent]] = {
    "r": Reply,
    "g": GroupMessage,
    "t": Tip,
    "j": Join,
    "l": Leave,
    "a": Ack,
    "c": Claimed,
}
_LETTERS = {kind: letter for letter, kind in _KINDS.items()}


def event_to_wire(event: InboxEvent) -> list[Any]:
    """The event as a list: its letter, then its fields in order."""
    return [_LETTERS[type(event)], *(getattr(event, name) for name in event.__slots__)]


class UnknownEventKind(ValueError):
    """An event of a kind that a newer version has and this one does not."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind

    def __str__(self) -> str:
        return f"unknown kind of inbox event {self.kind!r}"


def event_from_wire(row: list[Any]) -> InboxEvent:
    """Return the event that `event_to_wire` made ``row`` of.

    Fields that an older version left out have their defaults; those that a newer one appended are ignored.

    Raises:
        UnknownEventKind: the kind is not known here.
    """
    letter, *fields = row
    kind = _KINDS.get(letter)
    if kind is None:
        raise UnknownEventKind(letter)
    return kind(*fields[: len(kind.__slots__)])
