"""What a room is asked for: to take a message, to show what it has.

Writing is in ``chat.storing``, which knows nothing of who hears of it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from chat import broadcast, protocol, storing
from chat.admission import NOBODY, NotAdmitted, Speaker
from chat.handles import BadHandle
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
    "missed",
    "missed_all",
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


def post(
    label: str,
    said: Post,
    *,
    identity: str,
    user: AbstractBaseUser | AnonymousUser | None = None,
    by: Speaker = NOBODY,
    fault: BadHandle | NotAdmitted | None = None,
) -> Posted:
    """Store a message once and have it broadcast after the commit; a duplicate is broadcast again from its row.

    Raises ``IdentityConflict``; and for a new message ``fault``, if there is one, or ``NotAdmitted``, if its author may
    not speak now. A duplicate is never refused and costs nothing: what was stored is acknowledged, whatever happened
    since.
    """
    with transaction.atomic():
        (posted,) = storing.store([Knock(label, said, identity, user, by, fault=fault)])
        if not isinstance(posted, Posted):
            raise posted
        broadcast.announce(posted.message)
    return posted


def recent(label: str, limit: int = RECENT) -> list[Message]:
    """The last messages of the room, oldest first; none if there is no such room."""
    newest = Message.objects.filter(room__label=label).select_related("user").order_by("-seq")[:limit]
    return list(reversed(newest))


def missed(label: str, last: int | None) -> Missed:
    """What a client that has seen ``last`` is to be sent now. Complete, or else marked as a reset: no silent gap."""
    room = Room.objects.filter(label=label).first()
    if room is None:
        return Missed(0, [], reset=last not in (None, 0))
    (found,) = missed_all([(room, last)])
    return found


def missed_all(asked: Sequence[tuple[Room, int | None]]) -> list[Missed]:
    """``missed`` for each, of rooms that were read just now: a room's count is read before its messages, and each of
    them is committed together with its number, so all up to the count are there. One query, or none where nobody
    missed anything."""
    since: dict[int, int] = {}
    upto: dict[int, int] = {}
    for room, last in asked:
        known = _known(room, last)
        begin = max(room.last_seq - RECENT, 0) if known is None else known
        since[room.pk] = min(begin, since.get(room.pk, begin))
        upto[room.pk] = max(room.last_seq, upto.get(room.pk, 0))
    newest = _newest_first({room: (begin, upto[room]) for room, begin in since.items() if begin < upto[room]})
    return [_piece(room, _known(room, last), newest.get(room.pk, []), last is not None) for room, last in asked]


def _known(room: Room, last: int | None) -> int | None:
    """``last`` if what came after it may be sent as such. Of what was removed for its age a client with an old number
    would keep what nobody else has any more."""
    fits = last is not None and max(room.last_seq - MISSED_LIMIT, room.pruned_seq) <= last <= room.last_seq
    return last if fits else None


def _newest_first(between: Mapping[int, tuple[int, int]]) -> dict[int, list[Message]]:
    """By the rooms' keys the messages after one number and up to another."""
    if not between:
        return {}
    places = (Q(room_id=room, seq__gt=begin, seq__lte=end) for room, (begin, end) in between.items())
    found = Message.objects.filter(functools.reduce(Q.__or__, places)).select_related("user").order_by("-seq")
    newest: dict[int, list[Message]] = {}
    for message in found:
        newest.setdefault(message.room_id, []).append(message)
    return newest


def _piece(room: Room, known: int | None, newest: Sequence[Message], has_past: bool) -> Missed:
    upto = [message for message in newest if message.seq <= room.last_seq]
    if known is not None:
        newer = [message for message in upto if message.seq > known]
        fitting = _fitting(newer)
        if len(fitting) == len(newer):
            return Missed(room.last_seq, fitting[::-1], reset=False)
    # A client without a past has nothing to throw away.
    return Missed(room.last_seq, _fitting(upto[:RECENT])[::-1], reset=has_past)


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
