"""What a room is asked for: to take a message, to show what it has.

Writing is in ``chat.storing``, which knows nothing of who hears of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from chat import broadcast, protocol, storing
from chat.admission import NOBODY, NotAdmitted, Speaker
from chat.models import Message, Room
from chat.protocol import Post
from chat.storing import IdentityConflict, Knock, Posted, ensure_room, identity_of

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

__all__ = [
    "IdentityConflict",
    "Missed",
    "Page",
    "Posted",
    "after",
    "before",
    "ensure_room",
    "has_room",
    "identity_of",
    "is_stored",
    "missed",
    "post",
    "recent",
]

#: Messages shown to somebody who comes late, on the page and on the socket.
RECENT = 50
#: Messages that a client which was away gets in one piece; who missed more starts anew from the recent ones.
MISSED_LIMIT = 200
#: Bytes of their texts in that piece. Far below the bound at which the interface closes a socket.
MISSED_BYTES = 256 * 1024


@dataclass(frozen=True)
class Page:
    """Every message after a number, up to ``seq``."""

    seq: int
    messages: list[Message]


@dataclass(frozen=True)
class Missed:
    """What a client has not seen: every message after the one it named, up to ``seq``."""

    seq: int
    messages: list[Message]
    #: There were too many, or its number is of another past: these are the recent ones, and what it has is to go.
    reset: bool


def has_room(label: str) -> bool:
    return Room.objects.filter(label=label).exists()


def is_stored(label: str, identity: str) -> bool:
    """Whether a message of this identity is stored, and another one of it would be a duplicate."""
    return Message.objects.filter(room__label=label, identity=identity).exists()


def post(
    label: str,
    said: Post,
    *,
    identity: str,
    user: AbstractBaseUser | AnonymousUser | None = None,
    by: Speaker = NOBODY,
) -> Posted:
    """Store a message once and have it broadcast after the commit; a duplicate is broadcast again from its row.

    Raises ``IdentityConflict``, and ``NotAdmitted`` for a new message of somebody who may not speak now. A duplicate is
    never refused and costs nothing: what was stored is acknowledged, whatever happened since.
    """
    with transaction.atomic():
        (posted,) = storing.store([Knock(label, said, identity, user, by)])
        if isinstance(posted, IdentityConflict | NotAdmitted):
            raise posted
        broadcast.announce(posted.message)
    return posted


def recent(label: str, limit: int = RECENT) -> list[Message]:
    """The last messages of the room, oldest first; none if there is no such room."""
    newest = Message.objects.filter(room__label=label).select_related("user").order_by("-seq")[:limit]
    return list(reversed(newest))


def missed(label: str, last: int | None) -> Missed:
    """What a client that has seen ``last`` is to be sent now. Complete, or else marked as a reset: no silent gap."""
    seq, pruned = _seqs(label)
    upto = Message.objects.filter(room__label=label, seq__lte=seq).select_related("user").order_by("-seq")
    # Of what was removed for its age a client with an old number would keep what nobody else has any more.
    if last is not None and max(seq - MISSED_LIMIT, pruned) <= last <= seq:
        newer = list(upto.filter(seq__gt=last))
        fitting = _fitting(newer)
        if len(fitting) == len(newer):
            return Missed(seq, fitting[::-1], reset=False)
    # A client without a past has nothing to throw away.
    return Missed(seq, _fitting(list(upto[:RECENT]))[::-1], reset=last is not None)


def after(label: str, last: int, *, limit: int) -> Page:
    """The messages after ``last``, at most ``limit`` of them; the page's ``seq`` is never below ``last``."""
    seq, _pruned = _seqs(label)
    between = Message.objects.filter(room__label=label, seq__gt=last, seq__lte=seq)
    messages = list(between.select_related("user").order_by("seq")[: limit + 1])
    if len(messages) > limit:
        return Page(messages[limit - 1].seq, messages[:limit])
    return Page(max(last, seq), messages)


def before(label: str, first: int, *, limit: int) -> list[Message]:
    """The last messages before number ``first``, at most ``limit`` of them, oldest first."""
    older = Message.objects.filter(room__label=label, seq__lt=first).select_related("user").order_by("-seq")
    return list(reversed(older[:limit]))


def _seqs(label: str) -> tuple[int, int]:
    """The room's count, and the number up to which messages are removed. Read it before the messages: each is committed
    together with its number, so that all up to the count are there."""
    return Room.objects.filter(label=label).values_list("last_seq", "pruned_seq").first() or (0, 0)


def _fitting(newest_first: list[Message]) -> list[Message]:
    room_left = MISSED_BYTES
    for index, message in enumerate(newest_first):
        room_left -= len(message.message.encode()) + protocol.HANDLE_LIMIT
        if room_left < 0:
            return newest_first[:index]
    return newest_first
