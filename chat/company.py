"""Telling a room who comes, goes, is called otherwise and types.

Unless there are more than ``people.CROWD``: a thousand who come at once would be a thousand frames to each of a
thousand. In a crowd nobody is told of single people. Everybody is told the count now and then, and whoever speaks is
named by what they say.

These frames have no numbers and are sent once. A client that missed some has it right again with its next welcome.
"""

from __future__ import annotations

from django.db import transaction

from chat import broadcast, limits, people, presence
from chat.dialects import DIALECTS
from chat.models import Member, Room
from chat.protocol import Person

#: In a crowd the count is told so often, in seconds.
COUNT_EVERY = 5.0


def came(member: Member, count: int) -> None:
    """Somebody is here who was not; ``count`` people are, with them."""
    _tell(member.room, people.as_person(member), here=True, crowd=count > people.CROWD, count=count)


def left(member: Member) -> None:
    room = member.room
    crowd = people.is_crowd(room)
    _tell(room, people.as_person(member), here=False, crowd=crowd, count=people.count(room) if crowd else 0)


def renamed(member: Member) -> None:
    """Tell their own sockets in any case, and the others unless they are a crowd."""
    you = people.as_person(member)
    for dialect in DIALECTS.values():
        frame = dialect.you(you)
        if frame is not None:
            broadcast.tell_sockets(presence.sockets_of(member, dialect=dialect.name), {"text": frame})
    if member.here and not people.is_crowd(member.room):
        broadcast.tell_of(member.room.label, lambda dialect: dialect.person(you, here=True))


def typing(label: str, person: Person) -> None:
    broadcast.tell_of(label, lambda dialect: dialect.typing(person))


def _tell(room: Room, person: Person, *, here: bool, crowd: bool, count: int) -> None:
    if not crowd:
        broadcast.tell_of(room.label, lambda dialect: dialect.person(person, here=here))
    elif _is_time_to_count(room):
        broadcast.tell_of(room.label, lambda dialect: dialect.people(count))


def _is_time_to_count(room: Room) -> bool:
    tick = limits.Bucket(f"count:{room.pk}", limits.Rate(1, COUNT_EVERY))
    with transaction.atomic():
        return limits.spend([limits.Want((tick,))]) == [0.0]
