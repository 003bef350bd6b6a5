"""Which sockets are in which room: a row for each, from its connect to its disconnect.

Somebody is there while at least one of their sockets is. A row belongs to one reply channel, a name that is never used
again. So the disconnect of a socket that was lost minutes ago, reported late or twice, cannot remove who has come back
on a new one.

The disconnect is always reported, for a dead interface by a worker that noticed. That is what ends the rows of an
interface that was killed; there is no time after which a row is out of date.

``Member.here`` is true from the moment others were told of somebody until they were told that they left. Both happen
under the lock of the member's row, so of several tabs that open or close at once exactly one is told of.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from chat.models import Connection, Member


def arrive(member: Member, reply_channel: str, *, browser: str = "", dialect: str = "") -> None:
    """The socket is in the room. Once more is harmless: a connect may be handled again."""
    interface = reply_channel.partition("!")[0]
    row = Connection(
        room_id=member.room_id,
        reply_channel=reply_channel,
        interface=interface,
        member=member,
        browser=browser,
        dialect=dialect,
    )
    Connection.objects.bulk_create([row], ignore_conflicts=True)


def is_there(reply_channel: str) -> bool:
    return Connection.objects.filter(reply_channel=reply_channel).exists()


def attach(member: Member, reply_channel: str) -> None:
    """A socket that was in the room before there were members belongs to this one."""
    Connection.objects.filter(reply_channel=reply_channel, room_id=member.room_id).update(member=member)


def leave(reply_channel: str) -> Member | None:
    """The socket is closed; harmless if it was not there. Whoever others have to be told has left."""
    connection = Connection.objects.filter(reply_channel=reply_channel).select_related("member").first()
    if connection is None:
        return None
    member = connection.member
    if member is None:  # it came before there were members
        connection.delete()
        return None
    with transaction.atomic():
        locked = Member.objects.select_for_update().filter(pk=member.pk).first()
        Connection.objects.filter(pk=connection.pk).delete()
        if locked is None or Connection.objects.filter(member=member).exists():
            return None
        was_here = locked.here
        if _is_worth_keeping(locked):
            Member.objects.filter(pk=locked.pk).update(here=False, seen=timezone.now())
        else:
            Member.objects.filter(pk=locked.pk).delete()
    return locked if was_here else None


def members_at(reply_channels: Iterable[str]) -> dict[str, Member]:
    """Who sits at these sockets; in one query, however many. Their rooms and accounts are not loaded: a message, which
    asks this each time, needs neither."""
    names = list(reply_channels)
    if not names:
        return {}
    found = Member.objects.filter(connections__reply_channel__in=names).order_by()
    return {member.at: member for member in found.annotate(at=F("connections__reply_channel"))}


def sockets_of(member: Member, *, dialect: str | None = None) -> list[str]:
    """The reply channels of somebody in a room, of all dialects or of one."""
    theirs = Connection.objects.filter(member=member)
    if dialect is not None:
        theirs = theirs.filter(dialect=dialect)
    return list(theirs.values_list("reply_channel", flat=True))


def sockets_of_browser(names: Iterable[str]) -> list[str]:
    """The reply channels of a browser in all rooms."""
    return list(Connection.objects.filter(browser__in=list(names)).values_list("reply_channel", flat=True))


def _is_worth_keeping(member: Member) -> bool:
    """A passing one never comes back, and of a mere reader there is nothing to remember."""
    known = bool(member.handle) or member.keys or member.muted or member.banned
    return known and not member.passing
