"""The people of a room, and who has which handle.

A handle belongs to one person at a time among those who are here; handles that differ in case, width or invisible
selectors are the same one (``handles.key``). The table enforces it, so two who want the same at once cannot both get
it. Handles of accounts are their owners' whether they are here or not, and some are nobody's: ``system``, ``admin``.

A *passing* person, a program or an old client that is known by its socket alone, uses a handle and does not own it.
Else one that lost its connection would come back to find its handle taken by its own ghost. Several of them may go by
the same handle, but by nobody's who owns it. In the old dialects everybody names themselves in each frame and can be
told nothing, so there such a handle gets a number, ``ada (2)``, and one that belongs to nobody becomes ``anonymous``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Case, When
from django.utils import timezone
from django.utils.translation import gettext as _

from chat import handles, labels
from chat.handles import BadHandle
from chat.identity import Who
from chat.models import Account, Member, Room
from chat.protocol import ANONYMOUS, Person

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

#: People who are listed by name, and the size from which a room is a crowd: nobody is told of each who comes and goes.
CROWD = 200
_NOBODYS = """
admin administrator anonymous mod moderator operator owner root server staff support switchboard system
"""
RESERVED = frozenset(_NOBODYS.split())
#: Numbers tried for a handle of an old dialect.
_NUMBERS = 50


# -- coming in


@transaction.atomic(savepoint=False)
def enter(room: Room, who: Who, *, keys: bool = False) -> Member:
    """The row of somebody in a room, made if missing. ``keys``: they made the room.

    Who logged in keeps what they had before: keys, and also a mute or a ban. The row is locked, for the disconnect of
    their last socket may be about to remove it: a page that is loaded again closes one and opens the next at once.
    """
    ids = who.persons(room)
    assert ids, "nobody can be a member of whom nothing is known"
    rows = Member.objects.select_for_update().filter(room=room, person__in=ids).order_by("pk")
    known = {member.person: member for member in rows}
    inherited: dict[str, Any] = {
        flag: any(getattr(member, flag) for member in known.values()) for flag in ("keys", "muted", "banned")
    }
    inherited["keys"] |= keys and not who.passing
    member = known.get(ids[0])
    if member is None:
        member = _made(room, ids[0], {**inherited, "passing": who.passing, "user": who.account})
    changed = [flag for flag, value in inherited.items() if value and not getattr(member, flag)]
    if changed:
        Member.objects.filter(pk=member.pk).update(**dict.fromkeys(changed, True))
        for flag in changed:
            setattr(member, flag, True)
    member.room = room
    if who.account is not None:
        member.user = who.account
    return member


def _made(room: Room, person: str, values: dict[str, Any]) -> Member:
    try:
        with transaction.atomic():
            return Member.objects.create(room=room, person=person, **values)
    except IntegrityError:  # another tab, this very moment
        return Member.objects.select_for_update().get(room=room, person=person)


def show(member: Member) -> bool:
    """They are here from now on; False if they were. A handle of theirs that somebody took meanwhile is gone.

    Under the lock of the row: of several tabs that open at once, one is the first.
    """
    with transaction.atomic():
        locked = Member.objects.select_for_update().get(pk=member.pk)
        if locked.here:
            return False
        locked.here, locked.seen = True, timezone.now()
        if locked.handle and _others_with(locked, locked.handle_key).exists():
            locked.handle = locked.handle_key = ""
        try:
            with transaction.atomic():
                locked.save(update_fields=["here", "seen", "handle", "handle_key"])
        except IntegrityError:  # taken this very moment
            locked.handle = locked.handle_key = ""
            locked.save(update_fields=["here", "seen", "handle", "handle_key"])
    member.here, member.handle, member.handle_key = True, locked.handle, locked.handle_key
    return True


# -- handles


def claim(member: Member, wanted: object) -> bool:
    """Give somebody the handle they want; False if it is the one they have. Raises ``BadHandle``."""
    handle = handles.read(wanted)
    if handle == member.handle:
        return False
    key = handles.key(handle)
    if key != member.handle_key:
        _check_free(member, key)
    try:
        with transaction.atomic():
            Member.objects.filter(pk=member.pk).update(handle=handle, handle_key=key)
    except IntegrityError:
        raise _taken() from None
    member.handle, member.handle_key = handle, key
    return True


def claim_or_another(member: Member, wanted: str) -> None:
    """Give them the handle they want if that may be, else keep the one they have, else make one up."""
    try:
        claim(member, wanted)
    except BadHandle:
        if not member.handle:
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
    _check_free(Member(room=room, passing=True), handles.key(handle))
    return handle


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


def _check_free(member: Member, key: str) -> None:
    if key in reserved():
        raise BadHandle("reserved", _("Nobody may go by this handle."))
    owner = Account.objects.filter(handle_key=key).values_list("user_id", flat=True).first()
    if owner is not None and owner != member.user_id:
        raise BadHandle("reserved", _("This handle belongs to somebody's account. Log in if it is yours."))
    if _others_with(member, key).exists():
        raise _taken()


def _others_with(member: Member, key: str) -> Any:
    others = Member.objects.filter(room_id=member.room_id, handle_key=key, here=True).exclude(pk=member.pk)
    return others.filter(passing=False) if member.passing else others


def _taken() -> BadHandle:
    return BadHandle("taken", _("Somebody here goes by this handle."))


# -- who is here


def as_person(member: Member) -> Person:
    user = member.user.get_username() if member.user is not None else None
    return Person(member.person, member.handle or None, user, keys=member.keys)


def listed(room: Room) -> list[Person]:
    """Those who are here: first those with a handle, by name. The others are told as well, without one, or whoever
    listens could not tell a reader who picks a handle from somebody who comes."""
    here = Member.objects.filter(room=room, here=True).select_related("user")
    nameless = Case(When(handle_key="", then=1), default=0)
    return [as_person(member) for member in here.order_by(nameless, "handle_key", "pk")[:CROWD]]


def count(room: Room) -> int:
    """How many people are here, with and without a handle."""
    return Member.objects.filter(room=room, here=True).count()


def is_crowd(room: Room) -> bool:
    """Whether there are more than are listed. It looks at no more rows than that."""
    return len(Member.objects.filter(room=room, here=True).values_list("pk", flat=True)[: CROWD + 1]) > CROWD
