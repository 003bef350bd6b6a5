"""Who goes by which handle.

A handle belongs to one person at a time among those who are here; handles that differ in case, width or invisible
selectors are the same one (``handles.key``). The table enforces it, so two who want the same at once cannot both get
it. Handles of accounts are their owners' whether they are here or not, and some are nobody's: ``system``, ``admin``.

A *passing* person, a program or an old client that is known by its socket alone, uses a handle and does not own it.
Else one that lost its connection would come back to find its handle taken by its own ghost. Several of them may go by
the same handle, but by nobody's who owns it. In the old dialects everybody names themselves in each frame and can be
told nothing, so there such a handle gets a number, ``ada (2)``, and one that belongs to nobody becomes ``anonymous``.

Handles are claimed many at once: when everybody comes back, everybody brings theirs. The claims of a batch are decided
in their order, against two lists that were read for all of them; the table has the last word.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from chat import handles, labels, statements
from chat.handles import BadHandle
from chat.models import Account, Member, Room
from chat.protocol import ANONYMOUS

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

_NOBODYS = """
admin administrator anonymous mod moderator operator owner root server staff support switchboard system
"""
RESERVED = frozenset(_NOBODYS.split())
#: Numbers tried for a handle of an old dialect.
_NUMBERS = 50

#: Somebody, and the handle that they want. It is not read yet.
Claim: TypeAlias = tuple[Member, object]
#: Whether the handle changed, or why it cannot be had.
Answer: TypeAlias = bool | BadHandle


def claim(member: Member, wanted: object) -> bool:
    """Give somebody the handle they want; False if it is the one they have. Raises ``BadHandle``."""
    (answer,) = claim_all([(member, wanted)])
    if isinstance(answer, BadHandle):
        raise answer
    return answer


def claim_all(claims: Sequence[Claim]) -> list[Answer]:
    """``claim``, for each in this order, with as many queries as for one. Who comes more than once has to be the same
    object each time."""
    before = [(member, member.handle, member.handle_key) for member, _wanted in claims]
    answers = _decided([(member, _read(wanted)) for member, wanted in claims])
    changed = {member.pk: member for (member, _wanted), answer in zip(claims, answers, strict=True) if answer is True}
    try:
        _write(changed.values())
    except IntegrityError:  # taken this very moment
        for member, handle, key in before:
            member.handle, member.handle_key = handle, key
        if len(claims) == 1:
            return [_taken()]
        return [answer for each in claims for answer in claim_all([each])]
    return answers


def claim_or_another(wishes: Sequence[tuple[Member, str]]) -> None:
    """Give them the handles they want if that may be, else let them keep those they have, else make some up."""
    for (member, _wanted), answer in zip(wishes, claim_all(wishes), strict=True):
        if isinstance(answer, BadHandle) and not member.handle:
            suggest(member)


def suggest(member: Member) -> None:
    """Give somebody a friendly handle that nobody has."""
    for attempt in range(_NUMBERS):
        made = labels.new_handle()
        try:
            claim(member, made if attempt < 5 else handles.numbered(made, attempt))
        except BadHandle:
            continue
        return


def use(member: Member, handle: str) -> str:
    """The handle under which a frame of an old dialect is stored; what it says, wherever that may be."""
    if handle == ANONYMOUS:
        return handle
    for number in range(1, _NUMBERS):
        tried = handle if number == 1 else handles.numbered(handle, number)
        try:
            claim(member, tried)
        except BadHandle as bad:
            if bad.code == "reserved" and handles.key(handle) in reserved():
                break
        else:
            return member.handle
    return ANONYMOUS


def borrow(room: Room, wanted: object) -> str:
    """A handle for somebody who is nobody's member, by the API: one that nobody owns. Raises ``BadHandle``."""
    handle = handles.read(wanted)
    stranger = Member(room=room, passing=True)
    key = handles.key(handle)
    fault = _fault(stranger, key, _owners([key]), Held([stranger], [key]))
    if fault is not None:
        raise fault
    return handle


# -- handles of accounts, and nobody's


def reserved() -> frozenset[str]:
    """The keys of handles that nobody may have."""
    return RESERVED | frozenset(handles.key(name) for name in getattr(settings, "CHAT_RESERVED_HANDLES", ()))


def is_free_account(name: str) -> bool:
    """Whether a new account may have this name as its handle."""
    key = handles.key(name)
    return key not in reserved() and not Account.objects.filter(handle_key=key).exists()


def register(user: AbstractBaseUser) -> None:
    """The account's name is its owner's handle from now on. Of two that are the same handle the first has it."""
    key = handles.key(user.get_username())
    if not Account.objects.filter(user_id=user.pk, handle_key=key).exists():
        Account.objects.filter(user_id=user.pk).delete()
        Account.objects.bulk_create([Account(user_id=user.pk, handle_key=key)], ignore_conflicts=True)


# -- deciding


class Held:
    """Which of some handles are held by people who are here, in the rooms of some members."""

    def __init__(self, members: Iterable[Member], keys: Collection[str]) -> None:
        self._holders: dict[tuple[int, str], dict[int, bool]] = {}
        rooms = {member.room_id for member in members}
        found = Member.objects.filter(room_id__in=rooms, handle_key__in=set(keys) - {""}, here=True).order_by()
        for room, key, pk, passing in found.values_list("room_id", "handle_key", "pk", "passing"):
            self._holders.setdefault((room, key), {})[pk] = passing

    def by_another(self, member: Member, key: str) -> bool:
        """Whether somebody else has this handle. Of two who pass, both may."""
        holders = self._holders.get((member.room_id, key), {})
        return any(pk != member.pk and not (passing and member.passing) for pk, passing in holders.items())

    def give(self, member: Member, key: str) -> None:
        """This is theirs from now on, and what they had is free."""
        self._holders.get((member.room_id, member.handle_key), {}).pop(member.pk, None)
        if key and member.here:
            self._holders.setdefault((member.room_id, key), {})[member.pk] = member.passing


def _decided(claims: Sequence[tuple[Member, str | BadHandle]]) -> list[Answer]:
    """What becomes of each; those who may have what they want have it from now on, in memory."""
    if not any(isinstance(handle, str) and handle != member.handle for member, handle in claims):
        return [handle if isinstance(handle, BadHandle) else False for _member, handle in claims]
    # Also of those who have what they want: a claim before theirs, by another tab, may have changed that.
    keys = {handles.key(handle) for _member, handle in claims if isinstance(handle, str)}
    owners, held = _owners(keys), Held([member for member, _handle in claims], keys)
    answers: list[Answer] = []
    for member, handle in claims:
        if isinstance(handle, BadHandle):
            answers.append(handle)
        elif handle == member.handle:
            answers.append(False)
        else:
            key = handles.key(handle)
            fault = None if key == member.handle_key else _fault(member, key, owners, held)
            if fault is None:
                held.give(member, key)
                member.handle, member.handle_key = handle, key
            answers.append(fault or True)
    return answers


def _fault(member: Member, key: str, owners: dict[str, int], held: Held) -> BadHandle | None:
    if key in reserved():
        return BadHandle("reserved", _("Nobody may go by this handle."))
    if owners.get(key, member.user_id) != member.user_id:
        return BadHandle("reserved", _("This handle belongs to somebody's account. Log in if it is yours."))
    return _taken() if held.by_another(member, key) else None


def _owners(keys: Collection[str]) -> dict[str, int]:
    """To which accounts handles belong."""
    return dict(Account.objects.filter(handle_key__in=keys).values_list("handle_key", "user_id"))


def _write(changed: Collection[Member]) -> None:
    """Raises IntegrityError, and has then changed nothing."""
    if changed:
        with transaction.atomic():
            statements.rename(changed)


def _read(wanted: object) -> str | BadHandle:
    try:
        return handles.read(wanted)
    except BadHandle as bad:
        return bad


def _taken() -> BadHandle:
    return BadHandle("taken", _("Somebody here goes by this handle."))
