"""Under which handle a message is stored, whichever way it came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from chat import claims, company, limits, services
from chat.admission import NotAdmitted, slow_down
from chat.handles import BadHandle
from chat.limits import NOTHING, Want
from chat.models import Member, Room
from chat.protocol import ANONYMOUS, Post


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody wants to go by ``handle``. The first is free; of who has one, a change takes what a message does."""

    member: Member
    handle: object
    want: Want

    @property
    def taken(self) -> Want:
        return self.want if self.member.handle and self.handle != self.member.handle else NOTHING


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


def named(label: str, by: Member | Room, said: Post, *, identity: str, want: Want, can_be_told: bool = True) -> Post:
    """``said`` with the handle that it is stored under; the room is told if somebody changed theirs by it.

    ``by`` is who says it, or only the room where nobody knows who.

    Where ``can_be_told`` is false a handle that cannot be had becomes another one. A message that is stored already is
    acknowledged whatever it calls its author, so for such a one it does not matter.

    Raises ``BadHandle``, ``NotAdmitted``.
    """
    try:
        handle, fault = _handle(by, said.handle, want, can_be_told=can_be_told), None
    except (BadHandle, NotAdmitted) as error:
        handle, fault = "", error
    return under(label, said, identity, handle, fault)


def under(label: str, said: Post, identity: str, handle: str, fault: BadHandle | NotAdmitted | None = None) -> Post:
    """``said`` under ``handle``. If there is a ``fault`` or no handle, that is raised, unless the message is stored."""
    if fault is None and not handle:
        fault = BadHandle("blank-handle", _("Pick a handle first."))
    if fault is not None and not services.is_stored(label, identity):
        raise fault
    return replace(said, handle=ANONYMOUS if fault is not None else handle)


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
