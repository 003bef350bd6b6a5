"""Under which handle a message is stored, whichever way it came."""

from __future__ import annotations

from dataclasses import replace

from django.utils.translation import gettext as _

from chat import company, limits, people, services
from chat.admission import NotAdmitted, slow_down
from chat.handles import BadHandle
from chat.limits import Want
from chat.models import Member, Room
from chat.protocol import ANONYMOUS, Post


def take_handle(member: Member, wanted: object, want: Want) -> bool:
    """Give somebody another handle; False if it is the one they have. The first is free, later ones count as messages.

    Raises ``BadHandle``, ``NotAdmitted``.
    """
    if member.handle and wanted == member.handle:
        return False
    if member.handle and (wait := limits.spend_one(want)):
        raise NotAdmitted(slow_down(wait))
    return people.claim(member, wanted)


def named(label: str, by: Member | Room, said: Post, *, identity: str, want: Want, can_be_told: bool = True) -> Post:
    """``said`` with the handle that it is stored under; the room is told if somebody changed theirs by it.

    ``by`` is who says it, or only the room where nobody knows who.

    Where ``can_be_told`` is false a handle that cannot be had becomes another one. A message that is stored already is
    acknowledged whatever it calls its author, so for such a one it does not matter.

    Raises ``BadHandle``, ``NotAdmitted``.
    """
    try:
        handle = _handle(by, said.handle, want, can_be_told=can_be_told)
    except (BadHandle, NotAdmitted):
        if not services.is_stored(label, identity):
            raise
        handle = ANONYMOUS
    return replace(said, handle=handle)


def _handle(by: Member | Room, wanted: str, want: Want, *, can_be_told: bool) -> str:
    if isinstance(by, Room):
        return people.borrow(by, wanted)
    member, before = by, by.handle
    if not can_be_told:
        handle = people.use(member, wanted)
        # Each frame may bring another one, and everybody in the room would be told of it.
        if before and member.handle != before and (wait := limits.spend_one(want)):
            raise NotAdmitted(slow_down(wait))
    else:
        if wanted:
            take_handle(member, wanted, want)
        handle = member.handle
    if member.handle != before:
        company.renamed(member)
    if not handle:
        raise BadHandle("blank-handle", _("Pick a handle first."))
    return handle
