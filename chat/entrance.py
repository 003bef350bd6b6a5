"""Coming to a room: who may look at it, and who may come in.

Looking (a page, a transcript, the API) makes nothing but a count. Coming in (a socket, a message) makes the room where
there is none, and the first to come holds its keys. Both count the distinct rooms of an address, or labels could be
tried one by one; making rooms counts for itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat import addresses, labels, limits, people, presence
from chat.admission import NotAdmitted, slow_down
from chat.identity import Who
from chat.models import Ban, Member, Room
from chat.protocol import Refusal

#: Rooms that are everybody's: their first visitor gets no keys.
KEYLESS = frozenset({"public", "lobby"})


@dataclass(frozen=True)
class Entered:
    room: Room
    #: None for somebody of whom nothing is known, by HTTP without a cookie.
    member: Member | None


#: A label, and who wants in.
Arrival: TypeAlias = tuple[str, Who]


def look(label: str, who: Who) -> Room | None:
    """The room to be read, None if there is none yet. Raises ``NotAdmitted``."""
    wait = limits.spend_one(limits.room_opened(label, who.address))
    if wait:
        raise NotAdmitted(slow_down(wait))
    room = Room.objects.filter(label=label).first()
    _check_bans(who, room)
    return room


def enter(label: str, who: Who) -> Entered:
    """The room, made if missing, and who they are in it. Raises ``NotAdmitted``."""
    (answer,) = enter_all([(label, who)])
    if isinstance(answer, NotAdmitted):
        raise answer
    return answer


@transaction.atomic(savepoint=False)
def enter_all(arrivals: Sequence[Arrival]) -> list[Entered | NotAdmitted]:
    """``enter`` for each in this order; what it would have raised is the answer. The queries are those of one, but for
    rooms that have to be made.

    Buckets come before the room here, but none of them is one that a message takes.
    """
    assert all(labels.is_label(label) for label, _who in arrivals)
    rooms = {room.label: room for room in Room.objects.filter(label__in={label for label, _who in arrivals})}
    bans = _bans({who.address for _label, who in arrivals}, rooms.values())
    answers: dict[int, Entered | NotAdmitted] = {}
    wants = [limits.room_opened(label, who.address) for label, who in arrivals]
    makers = set()
    for place, (label, who) in enumerate(arrivals):
        if _is_banned(who, rooms.get(label), bans):
            answers[place], wants[place] = NotAdmitted(_banned()), limits.NOTHING
        elif label not in rooms:
            try:
                rooms[label], created = _make(label, who, wants[place])
            except NotAdmitted as refused:
                answers[place] = refused
            else:
                makers |= {place} if created and label not in KEYLESS else set()
            wants[place] = limits.NOTHING
    for place, wait in enumerate(limits.spend(wants)):
        if wait:
            answers[place] = NotAdmitted(slow_down(wait))
        elif place not in answers and not arrivals[place][1].keys:
            answers[place] = Entered(rooms[arrivals[place][0]], None)
    coming = [place for place in range(len(arrivals)) if place not in answers]
    members = people.enter_all([(rooms[arrivals[at][0]], arrivals[at][1], at in makers) for at in coming])
    for place, member in zip(coming, members, strict=True):
        answers[place] = NotAdmitted(_banned()) if member.banned else Entered(member.room, member)
    return [answers[place] for place in range(len(arrivals))]


def _make(label: str, who: Who, opened: limits.Want) -> tuple[Room, bool]:
    """The room, which was missing a moment ago, and whether it was made here. Raises ``NotAdmitted``."""
    with transaction.atomic():  # what was taken is given back
        wait = max(limits.spend([opened, limits.room_made(who.address)]))
        if wait:
            raise NotAdmitted(slow_down(wait))
        return Room.objects.get_or_create(label=label)


def member_of(room: Room, who: Who) -> Member | None:
    """Who somebody is in a room that they may have been in before. Makes nothing."""
    ids = who.persons(room)
    found = {member.person: member for member in Member.objects.filter(room=room, person__in=ids)}
    return next((found[one] for one in ids if one in found), None)


def rejoin(label: str, reply_channel: str) -> Member | None:
    """Who sits at a socket that came before rooms had members: somebody known by the socket alone."""
    with transaction.atomic():
        room = Room.objects.filter(label=label).first()
        if room is None or not presence.is_there(reply_channel):
            return None
        member = people.enter(room, Who((f"c:{reply_channel}",)))
        presence.attach(member, reply_channel)
    return member


def _check_bans(who: Who, room: Room | None) -> None:
    if _is_banned(who, room, _bans({who.address}, [] if room is None else [room])):
        raise NotAdmitted(_banned())


def _bans(addresses: Collection[str], rooms: Iterable[Room]) -> Sequence[tuple[str, int | None]]:
    """The networks that are banned from these rooms, by the rooms' keys, and from all, by None. They are few, and a
    network cannot be looked up by an index that all databases have."""
    if not any(addresses):
        return []
    here = Q(room=None) | Q(room__in=[room.pk for room in rooms])
    lasting = Ban.objects.filter(here, Q(until=None) | Q(until__gt=timezone.now()))
    return list(lasting.values_list("network", "room_id"))


def _is_banned(who: Who, room: Room | None, bans: Sequence[tuple[str, int | None]]) -> bool:
    pk = None if room is None else room.pk
    return any(of in (None, pk) and addresses.within(who.address, network) for network, of in bans)


def _banned() -> Refusal:
    return Refusal("banned", _("You are banned here."))
