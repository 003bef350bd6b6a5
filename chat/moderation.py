"""What somebody who holds a room's keys may do: lock it, set its topic, mute somebody, delete a message, or all of it.

The keys belong to who made the room, by their browser or account. They can be had on another device by the owner's
link, whose token is reckoned from the room and the secret key: it needs no row and no mail, and it ends with the room.
All effects are seen by the room at once, and told after the commit.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from chat import broadcast, company, greeting, people, presence
from chat.dialects import DIALECTS
from chat.identity import Who
from chat.models import TOPIC_LIMIT, Member, Message, Room
from chat.protocol import is_unicode


def may_moderate(member: Member | None, user: Any) -> bool:
    """Who holds the keys may, and an operator with the right to change rooms."""
    return (member is not None and member.keys) or bool(user.has_perm("chat.change_room"))


# -- keys


def token(room: Room) -> str:
    """What the owner's link ends with."""
    return salted_hmac("chat.keys", f"{room.pk} {room.created.timestamp()}", algorithm="sha256").hexdigest()[:32]


def is_token(room: Room, given: str) -> bool:
    return constant_time_compare(token(room), given)


def take_keys(room: Room, who: Who) -> Member:
    """Whoever has the owner's link holds the keys from now on; so does whoever had them."""
    member = people.enter(room, who, keys=True)
    company.renamed(member)
    return member


# -- the room


def set_topic(room: Room, topic: str) -> None:
    """Raises ``ValidationError``."""
    topic = " ".join(topic.split())
    if len(topic) > TOPIC_LIMIT:
        raise ValidationError(_("A topic may have at most %(limit)d characters.") % {"limit": TOPIC_LIMIT})
    if not is_unicode(topic) or not topic.isprintable():
        raise ValidationError(_("The topic has characters that nobody can see or type."))
    _change(room, topic=topic)


def set_locked(room: Room, locked: bool) -> None:
    _change(room, locked=locked)


def remove(room: Room) -> None:
    """The room and everything in it; ``chat.broadcast`` hears of it and closes its sockets."""
    room.delete()


def _change(room: Room, **changes: Any) -> None:
    Room.objects.filter(pk=room.pk).update(**changes)
    for name, value in changes.items():
        setattr(room, name, value)
    tell_about(room)


def tell_about(room: Room) -> None:
    """What a room says of itself has changed."""
    about = greeting.about(room)
    broadcast.tell_of(room.label, lambda dialect: dialect.about(about))


# -- people and messages


def mute(room: Room, person: str, muted: bool) -> bool:
    """False if there is nobody of that id. Who holds the keys is not to be muted."""
    if not Member.objects.filter(room=room, person=person, keys=False).update(muted=muted):
        return False
    _tell_of_mute(room, person, muted)
    return True


def muted(room: Room) -> list[str]:
    """The ids of those who may not write."""
    return list(Member.objects.filter(room=room, muted=True).values_list("person", flat=True))


def _tell_of_mute(room: Room, person: str, muted: bool) -> None:
    """Tell those who hold the keys, and nobody else: it is no pillory."""
    holders = presence.sockets_of_all(Member.objects.filter(room=room, keys=True, here=True))
    for name, spoken in (socket for sockets in holders.values() for socket in sockets):
        frame = DIALECTS[spoken].muted(person, muted=muted) if spoken in DIALECTS else None
        if frame is not None:
            broadcast.tell_sockets([name], {"text": frame})


def enforce(member: Member) -> None:
    """Somebody's keys, mute or ban were changed: they learn of their keys, those who hold keys of the mute, and a
    banned one's sockets are closed.
    """
    company.renamed(member)
    _tell_of_mute(member.room, member.person, member.muted)
    if member.banned:
        broadcast.tell_sockets(presence.sockets_of(member), {"close": broadcast.BANNED})


def delete_message(room: Room, seq: int) -> bool:
    """Leave a tombstone; False if there is no such message. One that is a tombstone already is told of again."""
    with transaction.atomic():
        message = Message.objects.select_for_update().filter(room=room, seq=seq).first()
        if message is None:
            return False
        bury(message)
    return True


def bury(message: Message) -> None:
    if not message.deleted:
        message.bury()
    seq = message.seq
    broadcast.tell_of(message.room.label, lambda dialect: dialect.deleted(seq))
