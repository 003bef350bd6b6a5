"""Under which handle a message is stored, whichever way it came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from chat import claims, company, limits
from chat.admission import NotAdmitted, slow_down
from chat.handles import BadHandle
from chat.limits import NOTHING, Want
from chat.models import Member, Room
from chat.protocol import ANONYMOUS


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody wants to go by ``handle``. The first is free; of who has one, a change takes what a message does."""

    member: Member
    handle: object
    want: Want

    @property
    def taken(self) -> Want:
        return self.want if self.member.handle and self.handle != self.member.handle else NOTHING


@dataclass(frozen=True, slots=True)
class Signature:
    """What a message is signed with. With a ``fault`` nothing new can be stored; a message that is stored already is
    acknowledged whatever it calls its author."""

    handle: str = ANONYMOUS
    fault: BadHandle | NotAdmitted | None = None


def take_handle(member: Member, wanted: object, want: Want) -> bool:
    """Give somebody another handle; False if it is the one they have.

    Raises ``BadHandle``, ``NotAdmitted``.
    """
    (answer,) = take_handles([Wish(member, wanted, want)])
    if isinstance(answer, Exception):
        raise answer
    return answer


def take_handles(wishes: Sequence[Wish]) -> list[bool | BadHandle | NotAdmitted]:
    """``take_handle`` for each in this order; what it would have raised is the answer. The queries are those of one."""
    if all(wish.handle == wish.member.handle for wish in wishes):
        return [False] * len(wishes)
    with transaction.atomic():
        waits = limits.spend([wish.taken for wish in wishes])
        granted = [wish for wish, wait in zip(wishes, waits, strict=True) if not wait]
        answers = iter(claims.claim_all([(wish.member, wish.handle) for wish in granted]))
    return [NotAdmitted(slow_down(wait)) if wait else next(answers) for wait in waits]


def named(by: Member | Room, wanted: str, want: Want, *, can_be_told: bool = True) -> Signature:
    """Who says something while wanting to go by ``wanted``, or by what they have if it is empty; the room is told if
    somebody changed theirs by it.

    ``by`` is who says it, or only the room where nobody knows who. Where ``can_be_told`` is false a handle that cannot
    be had becomes another one.
    """
    try:
        return under(_handle(by, wanted, want, can_be_told=can_be_told))
    except (BadHandle, NotAdmitted) as fault:
        return Signature(fault=fault)


def under(handle: str) -> Signature:
    """``handle``, if there is one."""
    return Signature(handle) if handle else Signature(fault=BadHandle("blank-handle", _("Pick a handle first.")))


def _handle(by: Member | Room, wanted: str, want: Want, *, can_be_told: bool) -> str:
    if isinstance(by, Room):
        return claims.borrow(by, wanted)
    member, before = by, by.handle
    if not can_be_told:
        handle = claims.use(member, wanted)
        # Each frame may bring another one, and everybody in the room would be told of it.
        if before and member.handle != before and (wait := limits.spend_one(want)):
            raise NotAdmitted(slow_down(wait))
    else:
        if wanted:
            take_handle(member, wanted, want)
        handle = member.handle
    if member.handle != before:
        company.renamed(member)
    return handle
