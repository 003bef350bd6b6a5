"""The people of a room: who they are there, and who is here.

Everything here is done for many at once, since after a restart everybody comes at once: the number of queries is that
for one. What is rare, such as two workers that make the same row in the same moment, is then done one by one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.db.models import Case, Count, Value, When
from django.utils import timezone

from chat.claims import Held
from chat.identity import Who
from chat.models import Member, Room
from chat.protocol import Person

#: People who are listed by name, and the size from which a room is a crowd: nobody is told of each who comes and goes.
CROWD = 200

#: What a new row has from the rows of before a login: keys, and also a mute or a ban.
_INHERITED = ("keys", "muted", "banned")


# -- coming in


def enter(room: Room, who: Who, *, keys: bool = False) -> Member:
    """The row of somebody in a room, made if missing. ``keys``: they made the room."""
    (member,) = enter_all([(room, who, keys)])
    return member


@transaction.atomic(savepoint=False)
def enter_all(arrivals: Sequence[tuple[Room, Who, bool]]) -> list[Member]:
    """``enter``, for each room, person and whether they made it. The same person is the same object each time.

    Who logged in keeps what they had before: keys, and also a mute or a ban. The rows are locked, for the disconnect of
    their last socket may be about to remove them: a page that is loaded again closes one and opens the next at once.
    """
    ids = [who.persons(room) for room, who, _keys in arrivals]
    assert all(ids), "nobody can be a member of whom nothing is known"
    known = _locked({room.pk for room, _who, _keys in arrivals}, {person for each in ids for person in each})
    missing = {}
    for (room, who, _keys), persons in zip(arrivals, ids, strict=True):
        if (room.pk, persons[0]) not in known:
            row = Member(room=room, person=persons[0], passing=who.passing, user=who.account)
            missing[room.pk, persons[0]] = row
    known |= _made(missing)
    members = []
    for (room, who, keys), persons in zip(arrivals, ids, strict=True):
        member = known[room.pk, persons[0]]
        rows = [known[room.pk, person] for person in persons if (room.pk, person) in known]
        flags = {flag: any(getattr(row, flag) for row in rows) for flag in _INHERITED}
        flags["keys"] |= keys and not who.passing
        _raise(member, flags)
        member.room = room
        if who.account is not None:
            member.user = who.account
        members.append(member)
    return members


def _locked(rooms: Collection[int], persons: Collection[str]) -> dict[tuple[int, str], Member]:
    rows = Member.objects.select_for_update().filter(room_id__in=rooms, person__in=persons).order_by("pk")
    return {(row.room_id, row.person): row for row in rows}


def _made(missing: Mapping[tuple[int, str], Member]) -> dict[tuple[int, str], Member]:
    """These rows, now in the table; or those that another worker made of the same people this very moment."""
    if not missing:
        return {}
    try:
        with transaction.atomic():
            made = Member.objects.bulk_create(missing.values())
        return dict(zip(missing, made, strict=True))
    except IntegrityError:
        Member.objects.bulk_create(missing.values(), ignore_conflicts=True)
        found = _locked({room for room, _ in missing}, {person for _, person in missing})
        return {key: found[key] for key in missing}


def _raise(member: Member, flags: Mapping[str, bool]) -> None:
    """Set those of the flags that are true and not set yet."""
    changed = [flag for flag, value in flags.items() if value and not getattr(member, flag)]
    if changed:
        Member.objects.filter(pk=member.pk).update(**dict.fromkeys(changed, True))
        for flag in changed:
            setattr(member, flag, True)


def show(member: Member) -> bool:
    """They are here from now on; False if they were. A handle of theirs that somebody took meanwhile is gone."""
    return member.pk in show_all([member])


@transaction.atomic
def show_all(members: Iterable[Member]) -> set[int]:
    """``show``; the keys of those who were not here.

    Under the locks of the rows: of several tabs that open at once, one is the first.
    """
    by_pk = {member.pk: member for member in members}
    if not by_pk:
        return set()
    rows = Member.objects.select_for_update().filter(pk__in=by_pk, here=False).order_by("pk")
    coming = list(rows)
    if coming:
        held = Held(coming, {row.handle_key for row in coming})
        for row in coming:
            row.here = True
            if row.handle_key and held.by_another(row, row.handle_key):
                held.give(row, "")
                row.handle = row.handle_key = ""
            else:
                held.give(row, row.handle_key)
        try:
            _write_here(coming)
        except IntegrityError:  # taken this very moment
            for row in coming:
                try:
                    _write_here([row])
                except IntegrityError:
                    row.handle = row.handle_key = ""
                    _write_here([row])
    for row in coming:
        member = by_pk[row.pk]
        member.here, member.handle, member.handle_key = True, row.handle, row.handle_key
    return {row.pk for row in coming}


@transaction.atomic
def _write_here(coming: Sequence[Member]) -> None:
    """Raises IntegrityError, and has then changed nothing."""
    now = timezone.now()
    nameless = [row.pk for row in coming if not row.handle_key]
    named = [row.pk for row in coming if row.handle_key]
    if nameless:
        Member.objects.filter(pk__in=nameless).update(here=True, seen=now, handle="", handle_key="")
    if named:
        Member.objects.filter(pk__in=named).update(here=True, seen=now)


# -- who is here


def as_person(member: Member) -> Person:
    user = member.user.get_username() if member.user is not None else None
    return Person(member.person, member.handle or None, user, keys=member.keys)


def listed(room: Room) -> list[Person]:
    """Those who are here: first those with a handle, by name. The others are told as well, without one, or whoever
    listens could not tell a reader who picks a handle from somebody who comes."""
    return [person for _room, person in _here([room.pk], CROWD)]


def listed_all(counts: Mapping[int, int]) -> dict[int, list[Person]]:
    """``listed`` for rooms by their keys, of which is known how many people they have."""
    found: dict[int, list[Person]] = {room: [] for room in counts}
    for room, person in _here([room for room, count in counts.items() if count <= CROWD]):
        found[room].append(person)
    for room, count in counts.items():
        if count > CROWD:
            found[room] = [person for _room, person in _here([room], CROWD)]
    return found


def _here(rooms: Collection[int], most: int | None = None) -> list[tuple[int, Person]]:
    if not rooms:
        return []
    nameless = Case(When(handle_key="", then=Value(1)), default=Value(0))
    ordered = Member.objects.filter(room_id__in=rooms, here=True).order_by(nameless, "handle_key", "pk")
    name = f"user__{get_user_model().USERNAME_FIELD}"
    rows: Any = ordered.values_list("room_id", "person", "handle", name, "keys")[:most]
    return [(room, Person(person, handle or None, user, keys=keys)) for room, person, handle, user, keys in rows]


def count(room: Room) -> int:
    """How many people are here, with and without a handle."""
    return Member.objects.filter(room=room, here=True).count()


def counts(rooms: Collection[int]) -> dict[int, int]:
    """``count`` for rooms by their keys."""
    here = Member.objects.filter(room_id__in=rooms, here=True).order_by()
    found = dict(here.values("room_id").annotate(number=Count("pk")).values_list("room_id", "number"))
    return {room: found.get(room, 0) for room in rooms}
