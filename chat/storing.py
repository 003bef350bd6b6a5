"""One door for writing messages: each is stored once, however often it knocks.

A message may knock twice: the browser sends again what was not acknowledged, and a worker that died is followed by one
that handles the same frame. So each has an *identity*, the client's own id or else that of the channel message, and is
stored under it once. The rooms' rows are locked first, in one order, or two batches would wait for each other; then the
identities are looked up; then numbers are counted and rows inserted: an insert that fails on conflict would have used
up a number, and a number that nobody has is a gap that every client tries to repair.

Of what is new it is asked whether its author may speak (``chat.admission``). A batch costs as many statements as one
message: locking the rooms, looking up, what is limited, inserting, counting. (The last one once for each number of
messages that a room got.)

Who hears of a stored message is not decided here but in ``chat.broadcast``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from django.db import transaction

from chat import statements
from chat.admission import NOBODY, NotAdmitted, Speaker, admit
from chat.handles import BadHandle
from chat.models import Message, Room
from chat.protocol import Post

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser


#: Stored messages by room and identity.
_Known = dict[tuple[int, str], Message]


class RoomGone(Exception):
    """The room in which it was said is deleted. One that was made under its label since is another one."""


class IdentityConflict(Exception):
    """The identity is taken by a message with another text. ``stored`` is that message."""

    def __init__(self, stored: Message) -> None:
        super().__init__(f"identity {stored.identity} belongs to another message")
        self.stored = stored


@dataclass(frozen=True, slots=True)
class Knock:
    """``said`` is to be stored in the room ``label``, if nothing is yet under ``identity``."""

    label: str
    said: Post
    identity: str
    user: AbstractBaseUser | AnonymousUser | None = None
    by: Speaker = NOBODY
    #: The key of the room, which has to be there; None: the one of that label, made if missing.
    room: int | None = None
    #: Why it cannot be stored, if something is known already. What is stored is acknowledged all the same.
    fault: BadHandle | NotAdmitted | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    message: Message
    #: It had been stored before; this is the row of that time.
    duplicate: bool


#: What becomes of a knock.
Answer: TypeAlias = Posted | IdentityConflict | BadHandle | NotAdmitted | RoomGone


def identity_of(*, cid: str | None, message_id: str) -> str:
    """The prefix keeps a client from picking the identity of somebody's channel message."""
    return f"c:{cid}" if cid is not None else f"m:{message_id}"


def ensure_room(label: str) -> Room:
    """The room, made if missing; two callers at once get the same one."""
    room, _ = Room.objects.get_or_create(label=label)
    return room


@transaction.atomic
def store(knocks: Sequence[Knock]) -> Sequence[Answer]:
    """Store messages in the order given, each once; what became of each.

    One that is stored already is never refused: its author was admitted when it was.
    """
    rooms = _locked_rooms(knocks)
    answers = iter(_stored(rooms, [knock for knock in knocks if _is_there(rooms, knock)]))
    return [next(answers) if _is_there(rooms, knock) else RoomGone() for knock in knocks]


def _is_there(rooms: Mapping[str, Room], knock: Knock) -> bool:
    room = rooms.get(knock.label)
    return room is not None and knock.room in (None, room.pk)


def _stored(rooms: Mapping[str, Room], knocks: Sequence[Knock]) -> Sequence[Answer]:
    known = _known({(rooms[knock.label].pk, knock.identity) for knock in knocks})
    refused = _refused(rooms, known, knocks)
    answers: list[Answer] = []
    new: list[Message] = []
    for number, knock in enumerate(knocks):
        room = rooms[knock.label]
        place = (room.pk, knock.identity)
        stored = known.get(place)
        if stored is None and number in refused:
            answers.append(refused[number])
        elif stored is None:
            room.last_seq += 1
            stored = known[place] = _row(room, knock)
            new.append(stored)
            answers.append(Posted(stored, duplicate=False))
        elif stored.message != knock.said.body and not stored.deleted:
            answers.append(IdentityConflict(stored))
        else:
            stored.room = room
            answers.append(Posted(stored, duplicate=True))
    statements.insert(new)
    _count(new)
    return answers


def _refused(
    rooms: Mapping[str, Room], known: _Known, knocks: Sequence[Knock]
) -> Mapping[int, BadHandle | NotAdmitted]:
    """By their numbers those of the knocks that may not be stored."""
    places = {number: (rooms[knock.label].pk, knock.identity) for number, knock in enumerate(knocks)}
    refused = {number: knock.fault for number, knock in enumerate(knocks) if knock.fault is not None}
    left = {number: place for number, place in places.items() if place not in known and number not in refused}
    while left:
        # Who repeats what is stored is not asked for; who repeats what was refused to somebody else is, in turn.
        first: dict[tuple[int, str], int] = {}
        for number, place in left.items():
            first.setdefault(place, number)
        asked = [(rooms[knocks[number].label], knocks[number].by) for number in first.values()]
        answers = zip(first.values(), admit(asked), strict=True)
        refused |= {number: NotAdmitted(refusal) for number, refusal in answers if refusal is not None}
        left = {number: place for number, place in left.items() if first[place] in refused and number not in refused}
    return refused


def _locked_rooms(knocks: Sequence[Knock]) -> Mapping[str, Room]:
    """The rooms by label, their rows locked until the transaction ends. (SQLite locks all there is, when it begins.)"""
    labels = {knock.label for knock in knocks}
    rooms = {room.label: room for room in statements.locked_rooms(labels)}
    missing = sorted({knock.label for knock in knocks if knock.room is None} - rooms.keys())
    if missing:
        for label in missing:
            ensure_room(label)
        rooms = {room.label: room for room in statements.locked_rooms(labels)}
    return rooms


def _known(places: Collection[statements.Place]) -> _Known:
    """What is stored there. Mostly nothing: few messages knock twice."""
    known = statements.stored(places)
    if not known:
        return {}
    rooms, identities = {room for room, _ in known}, {identity for _, identity in known}
    found = Message.objects.filter(room_id__in=rooms, identity__in=identities).select_related("user").order_by()
    return {(message.room_id, message.identity): message for message in found}


def _row(room: Room, knock: Knock) -> Message:
    said, user = knock.said, knock.user
    message = Message(
        room=room,
        seq=room.last_seq,
        handle=said.handle,
        message=said.body,
        identity=knock.identity,
        person=knock.by.person,
    )
    if user is not None and user.is_authenticated:
        message.user = user  # type: ignore[assignment]
    return message


def _count(new: Collection[Message]) -> None:
    """Bring the rooms' counts up to their new messages."""
    by_number: dict[int, list[int]] = {}
    for room, number in Counter(message.room_id for message in new).items():
        by_number.setdefault(number, []).append(room)
    for number, rooms in by_number.items():
        statements.count(number, rooms)
