"""What happens when a socket connects and when it leaves. What it says meanwhile is in ``chat.receiving``.

Only translation: ``chat.entrance`` lets people in, ``chat.broadcast`` and ``chat.company`` tell the room. The
connection remembers its room, its dialect, its language and what its messages are counted by in the channel session;
who sits at it, the database knows, since that may be changed from elsewhere.
"""

from __future__ import annotations

import logging

from django.db import transaction
from django.utils import translation

from chat import addresses, broadcast, company, entrance, identity, labels, languages, people, presence
from chat.activity import note
from chat.admission import NotAdmitted
from chat.dialects import DIALECTS, Dialect, of_page
from chat.receiving import dialect_of
from switchboard import Message, channel_session, channel_session_user_from_http

logger = logging.getLogger(__name__)

#: The close code for a room that cannot be.
NO_SUCH_ROOM = 4404
#: And for who may not come in, by the reason.
TURNED_AWAY = {"banned": broadcast.BANNED, "slow-down": 4408}
PUBLIC_ROOM = "public"


@channel_session_user_from_http
def connect_page(message: Message, label: str) -> None:
    """A room page's socket: ``switchboard.v1`` where it is offered, classic otherwise."""
    _connect(message, label, of_page(message.content.get("subprotocols") or ()))


@channel_session_user_from_http
def connect_tutorial(message: Message, label: str) -> None:
    _connect(message, label, DIALECTS["tutorial"])


@channel_session_user_from_http
def connect_public(message: Message) -> None:
    _connect(message, PUBLIC_ROOM, DIALECTS["public"])


def no_such_room(message: Message) -> None:
    _turn_away(message, NO_SUCH_ROOM)


def _turn_away(message: Message, code: int) -> None:
    """Accept and close: a handshake refused with 403 tells a browser nothing, a close code does."""
    assert message.reply_channel is not None
    reply: dict[str, object] = {"accept": True, "close": code}
    # A browser that offered subprotocols and is accepted without one reports 1006, not our code.
    if offered := message.content.get("subprotocols"):
        reply["subprotocol"] = offered[0]
    message.reply_channel.send(reply)


def _connect(message: Message, label: str, dialect: Dialect) -> None:
    if not labels.is_label(label):
        no_such_room(message)
        return
    assert message.reply_channel is not None
    who = identity.of_handshake(message)
    try:
        with transaction.atomic():  # one commit for all of it
            entered = entrance.enter(label, who)
            assert entered.member is not None
            presence.arrive(entered.member, message.reply_channel.name, browser=who.browser, dialect=dialect.name)
    except NotAdmitted as refused:
        logger.info("Turned somebody away from %s (%s): %s", label, dialect.name, refused.refusal.code)
        _turn_away(message, TURNED_AWAY[refused.refusal.code])
        return
    member, room = entered.member, entered.room
    language = languages.of_handshake(message)
    message.channel_session.update(
        {
            "room": label,
            "dialect": dialect.name,
            "language": language,
            "who": who.keys[0],
            "address": addresses.customer(who.address),
        }
    )
    accept: dict[str, object] = {"accept": True}
    if dialect.subprotocol is not None:
        accept["subprotocol"] = dialect.subprotocol
    with translation.override(language):
        if dialect.frames:
            accept["frames"] = dict(dialect.frames)
    if dialect.answers:
        accept["answers"] = dict(dialect.answers)
    message.reply_channel.send(accept)
    # It is to get everything that is stored from now on, also what is stored before it is a member.
    broadcast.group(label, dialect).add(message.reply_channel, seq=room.last_seq)
    if not dialect.greets and people.show(member):
        company.came(member, people.count(room))
    note("joined", label, dialect)


@channel_session
def disconnect(message: Message) -> None:
    """Reported at least once for every socket, perhaps long after it was lost."""
    if message.reply_channel is None:
        return
    gone = presence.leave(message.reply_channel.name)
    if gone is not None:
        company.left(gone)
    dialect = dialect_of(message)
    if dialect is None:
        return
    label = message.channel_session["room"]
    broadcast.group(label, dialect).discard(message.reply_channel)
    note("left", label, dialect)
