"""Which sockets are in which room: a row for each, from its connect to its disconnect.

Somebody is there while at least one of their sockets is, so what is kept is sockets, and a person is only a key that
theirs have in common. A row belongs to one reply channel, a name that is never used again. So the disconnect of a
socket that was lost minutes ago, reported late or twice, cannot remove who has come back on a new one.

The disconnect is always reported, for a dead interface by a worker that noticed. That is what ends the rows of an
interface that was killed; there is no time after which a row is out of date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.crypto import salted_hmac

from chat.models import Connection, Room

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser


def person_of(user: AbstractBaseUser | AnonymousUser, session_key: str | None, reply_channel: str) -> str:
    """What this socket has in common with the others of its person: the account, the browser's session, or nothing."""
    if user.is_authenticated:
        return f"u:{user.pk}"
    if session_key:
        # Not the key itself: whoever has it is logged in.
        return f"s:{salted_hmac('chat.presence', session_key).hexdigest()}"
    return f"c:{reply_channel}"


def arrive(room: Room, reply_channel: str, person: str) -> None:
    """The socket is in the room. Once more is harmless: a connect may be handled again."""
    interface = reply_channel.partition("!")[0]
    row = Connection(room=room, reply_channel=reply_channel, interface=interface, person=person)
    Connection.objects.bulk_create([row], ignore_conflicts=True)


def call(reply_channel: str, handle: str) -> None:
    """The person at this socket goes by that handle now."""
    Connection.objects.filter(reply_channel=reply_channel).update(handle=handle)


def leave(reply_channel: str) -> None:
    """The socket is closed; harmless if it was not there."""
    Connection.objects.filter(reply_channel=reply_channel).delete()
