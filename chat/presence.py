"""Which sockets are in which room: a row for each, from its connect to its disconnect.

Somebody is there while at least one of their sockets is. A row belongs to one reply channel, a name that is never used
again. So the disconnect of a socket that was lost minutes ago, reported late or twice, cannot remove who has come back
on a new one.

The disconnect is reported, for a dead interface by a worker that noticed. That is what ends the rows of an interface
that was killed; there is no time after which a row is out of date. Only where Redis lost its data before such a worker
came to it, nobody knows of these sockets any more but this table: `orphans` are what is left of them.

``Member.here`` is true from the moment others were told of somebody until they were told that they left. Both happen
under the lock of the member's row, so of several tabs that open or close at once exactly one is told of.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from django.db import transaction
from django.db.models import prefetch_related_objects
from django.utils import timezone

from chat import statements
from chat.models import Connection, Member
from switchboard import dead_interfaces


def arrive(member: Member, reply_channel: str, *, browser: str = "", dialect: str = "") -> None:
    """The socket is in the room. Once more is harmless: a connect may be handled again."""
    arrive_all([seat(member, reply_channel, browser=browser, dialect=dialect)])


def seat(member: Member, reply_channel: str, *, browser: str = "", dialect: str = "") -> Connection:
    """The row of a socket, not in the table yet."""
    return Connection(
        room_id=member.room_id,
        reply_channel=reply_channel,
        interface=reply_channel.partition("!")[0],
        member=member,
        browser=browser,
        dialect=dialect,
    )


def arrive_all(seats: Sequence[Connection]) -> None:
    """``arrive`` for each."""
    if seats:
        Connection.objects.bulk_create(seats, ignore_conflicts=True)


def is_there(reply_channel: str) -> bool:
    return Connection.objects.filter(reply_channel=reply_channel).exists()


def attach(member: Member, reply_channel: str) -> None:
    """A socket that was in the room before there were members belongs to this one."""
    Connection.objects.filter(reply_channel=reply_channel, room_id=member.room_id).update(member=member)


def leave(reply_channel: str) -> Member | None:
    """The socket is closed; harmless if it was not there. Whoever others have to be told has left."""
    return leave_all([reply_channel]).get(reply_channel)


@transaction.atomic
def leave_all(reply_channels: Collection[str]) -> dict[str, Member]:
    """``leave`` for each: by the socket that was their last one, who has left."""
    sockets = dict(
        Connection.objects.filter(reply_channel__in=reply_channels).values_list("reply_channel", "member_id")
    )
    if not sockets:
        return {}
    # The rows of members come first, as for one who enters.
    locked = list(Member.objects.select_for_update().filter(pk__in=set(sockets.values()) - {None}).order_by("pk"))
    Connection.objects.filter(reply_channel__in=sockets).delete()
    theirs = Connection.objects.filter(member_id__in=[member.pk for member in locked])
    staying = set(theirs.values_list("member_id", flat=True))
    going = {member.pk: member for member in locked if member.pk not in staying}
    kept = [pk for pk, member in going.items() if _is_worth_keeping(member)]
    if kept:
        Member.objects.filter(pk__in=kept).update(here=False, seen=timezone.now())
    if len(kept) < len(going):
        Member.objects.filter(pk__in=going.keys() - set(kept)).delete()
    prefetch_related_objects([member for member in going.values() if member.here], "room", "user")
    last = {pk: name for name, pk in sockets.items()}
    return {last[pk]: member for pk, member in going.items() if member.here}


def orphans(most: int) -> list[str]:
    """Return up to ``most`` sockets whose interface is dead, and whose end nobody will report (any more)."""
    names = Connection.objects.order_by().values_list("interface", flat=True).distinct()
    dead = dead_interfaces(names)
    if not dead:
        return []
    left = Connection.objects.filter(interface__in=dead).order_by("pk")
    return list(left.values_list("reply_channel", flat=True)[:most])


def members_at(reply_channels: Iterable[str]) -> dict[str, Member]:
    """Who sits at these sockets; in one query, however many. Who sits at several is the same object. Their rooms and
    accounts are not loaded: a message, which asks this each time, needs neither."""
    return statements.members_at(list(reply_channels))


def sockets_of(member: Member) -> list[str]:
    """The reply channels of somebody in a room."""
    return [name for name, _dialect in sockets_of_all([member]).get(member.pk, ())]


def sockets_of_all(members: Iterable[Member]) -> dict[int, list[tuple[str, str]]]:
    """The reply channels of these members, by their keys, each with its dialect; no query where there are none."""
    found: dict[int, list[tuple[str, str]]] = {}
    pks = {member.pk for member in members}
    if pks:
        theirs = Connection.objects.filter(member_id__in=pks).order_by("pk")
        for pk, name, dialect in theirs.values_list("member_id", "reply_channel", "dialect"):
            found.setdefault(pk, []).append((name, dialect))
    return found


def sockets_of_browser(names: Iterable[str]) -> list[str]:
    """The reply channels of a browser in all rooms."""
    return list(Connection.objects.filter(browser__in=list(names)).values_list("reply_channel", flat=True))


def _is_worth_keeping(member: Member) -> bool:
    """A passing one never comes back, and of a mere reader there is nothing to remember."""
    known = bool(member.handle) or member.keys or member.muted or member.banned
    return known and not member.passing
