"""Coming to a room: who may look at it, and who may come in.

Looking (a page, a transcript, the API) makes nothing but a count. Coming in (a socket, a message) makes the room where
there is none, and the first to come holds its keys. Both count the distinct rooms of an address, or labels could be
tried one by one; making rooms counts for itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

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


def look(label: str, who: Who) -> Room | None:
    """The room to be read, None if there is none yet. Raises ``NotAdmitted``."""
    wait = limits.spend_one(limits.room_opened(label, who.address))
    if wait:
        raise NotAdmitted(slow_down(wait))
    room = Room.objects.filter(label=label).first()
    _check_bans(who, room)
    return room


def enter(label: str, who: Who) -> Entered:
    """The room, made if missing, and who they are in it. Raises ``NotAdmitted``.

    All in one transaction. Buckets come before the room here, but none of them is one that a message takes.
    """
    assert labels.is_label(label)
    with transaction.atomic(savepoint=False):
        room = Room.objects.filter(label=label).first()
        made = limits.NOTHING if room is not None else limits.room_made(who.address)
        wait = max(limits.spend([limits.room_opened(label, who.address), made]))
        if wait:
            raise NotAdmitted(slow_down(wait))
        _check_bans(who, room)
        created = False
        if room is None:
            room, created = Room.objects.get_or_create(label=label)
        if not who.keys:
            return Entered(room, None)
        member = people.enter(room, who, keys=created and label not in KEYLESS)
    if member.banned:
        raise NotAdmitted(_banned())
    return Entered(room, member)


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
    """Bans are few, and a network cannot be looked up by an index that all databases have."""
    if not who.address:
        return
    here = Q(room=None) if room is None else Q(room=None) | Q(room=room)
    lasting = Ban.objects.filter(here, Q(until=None) | Q(until__gt=timezone.now()))
    if any(addresses.within(who.address, network) for network in lasting.values_list("network", flat=True)):
        raise NotAdmitted(_banned())


def _banned() -> Refusal:
    return Refusal("banned", _("You are banned here."))
