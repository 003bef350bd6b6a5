"""Telling a room who comes, goes, is called otherwise and types.

Unless there are more than ``people.CROWD``: a thousand who come at once would be a thousand frames to each of a
thousand. In a crowd nobody is told of single people. Everybody is told the count now and then, and whoever speaks is
named by what they say.

These frames have no numbers and are sent once. A client that missed some has it right again with its next welcome.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable

from django.db.models import prefetch_related_objects

from chat import broadcast, limits, people, presence
from chat.dialects import DIALECTS
from chat.models import Member, Room
from chat.protocol import Person

#: In a crowd the count is told so often, in seconds.
COUNT_EVERY = 5.0

#: Crowds by the keys of their rooms, and until when (of `time.monotonic`) this worker need not ask whether it is time.
_counted: dict[int, float] = {}
_MOST_COUNTED = 1_000


def came(member: Member, count: int) -> None:
    """Somebody is here who was not; ``count`` people are, with them."""
    _tell(member.room, people.as_person(member), here=True, count=count)


def left(member: Member, count: int) -> None:
    """Somebody is here no more; ``count`` people are, without them."""
    _tell(member.room, people.as_person(member), here=False, count=count)


class Renamings:
    """Telling of these members that they are called otherwise: their own sockets in any case, and the others unless
    they are a crowd. Whatever their number, it takes four queries at most, and to tell takes none."""

    def __init__(self, members: Iterable[Member]) -> None:
        members = list({member.pk: member for member in members}.values())
        prefetch_related_objects(members, "room", "user")
        self._sockets = presence.sockets_of_all(members)
        self._counts = counts(members)

    def tell(self, member: Member) -> None:
        you = people.as_person(member)
        for dialect in DIALECTS.values():
            frame = dialect.you(you)
            if frame is not None:
                names = [name for name, spoken in self._sockets.get(member.pk, ()) if spoken == dialect.name]
                broadcast.tell_sockets(names, {"text": frame})
        if member.here and not _is_crowd(self._counts[member.room_id]):
            broadcast.tell_of(member.room.label, lambda dialect: dialect.person(you, here=True))


def renamed(member: Member) -> None:
    """Somebody is called otherwise, or holds the keys now."""
    Renamings([member]).tell(member)


def typing(label: str, person: Person) -> None:
    broadcast.tell_of(label, lambda dialect: dialect.typing(person))


def counts(members: Collection[Member]) -> dict[int, int]:
    """How many are in the rooms of these members, by the rooms' keys; no query where there are none."""
    return people.counts({member.room_id for member in members}) if members else {}


def _tell(room: Room, person: Person, *, here: bool, count: int) -> None:
    if not _is_crowd(count):
        broadcast.tell_of(room.label, lambda dialect: dialect.person(person, here=here))
    elif _is_time_to_count(room):
        broadcast.tell_of(room.label, lambda dialect: dialect.people(count))


def _is_crowd(count: int) -> bool:
    return count > people.CROWD


def _is_time_to_count(room: Room) -> bool:
    """True for one of all workers, every ``COUNT_EVERY`` seconds. A thousand who come at once ask the database once."""
    now = time.monotonic()
    if now < _counted.get(room.pk, 0.0):
        return False
    tick = limits.Bucket(f"count:{room.pk}", limits.Rate(1, COUNT_EVERY))
    wait = limits.spend_one(limits.Want((tick,)))
    if len(_counted) >= _MOST_COUNTED:
        _counted.clear()
    _counted[room.pk] = now + (wait or COUNT_EVERY)
    return not wait
