"""What happens when a socket connects and when it leaves. What it says meanwhile is in ``chat.receiving``.

Only translation: ``chat.entrance`` lets people in, ``chat.broadcast`` and ``chat.company`` tell the room. The
connection remembers its room, its dialect, its language and what its messages are counted by in the channel session;
who sits at it, the database knows, since that may be changed from elsewhere.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from django.db import transaction
from django.utils import translation

from chat import addresses, broadcast, company, entrance, identity, labels, languages, people, presence
from chat.activity import note
from chat.admission import NotAdmitted
from chat.dialects import DIALECTS, Dialect, of_page
from chat.entrance import Entered
from chat.frames import dialect_of
from chat.identity import Who
from chat.models import Connection, Member, Room
from switchboard import Message, batch, channel_session, channel_session_user_from_http

logger = logging.getLogger(__name__)

#: The close code for a room that cannot be.
NO_SUCH_ROOM = 4404
#: And for who may not come in, by the reason.
TURNED_AWAY = {"banned": broadcast.BANNED, "slow-down": 4408}
PUBLIC_ROOM = "public"
#: Sockets that nobody reported whose presence one message ends; where there are more, it sends another one.
MAX_RECONCILED = 200


@dataclass(frozen=True, eq=False)
class Arrival:
    """A socket that connects."""

    message: Message
    label: str
    dialect: Dialect

    @cached_property
    def who(self) -> Who:
        return identity.of_handshake(self.message)

    def seat(self, member: Member) -> Connection:
        assert self.message.reply_channel is not None
        return presence.seat(
            member, self.message.reply_channel.name, browser=self.who.browser, dialect=self.dialect.name
        )


@batch
@channel_session_user_from_http
def connect_page(messages: Sequence[Message]) -> None:
    """Sockets of room pages: ``switchboard.v1`` where it is offered, classic otherwise."""
    _connect(
        [Arrival(each, each.kwargs["label"], of_page(each.content.get("subprotocols") or ())) for each in messages]
    )


@batch
@channel_session_user_from_http
def connect_tutorial(messages: Sequence[Message]) -> None:
    _connect([Arrival(each, each.kwargs["label"], DIALECTS["tutorial"]) for each in messages])


@batch
@channel_session_user_from_http
def connect_public(messages: Sequence[Message]) -> None:
    _connect([Arrival(each, PUBLIC_ROOM, DIALECTS["public"]) for each in messages])


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


def _connect(arrivals: Sequence[Arrival]) -> None:
    """Let them in, all in one transaction; then answer each."""
    for arrival in arrivals:
        if not labels.is_label(arrival.label):
            with arrival.message.sending():
                no_such_room(arrival.message)
    arrivals = [arrival for arrival in arrivals if labels.is_label(arrival.label)]
    if not arrivals:
        return
    with transaction.atomic():
        answers = entrance.enter_all([(arrival.label, arrival.who) for arrival in arrivals])
        members = {
            arrival: answer.member
            for arrival, answer in zip(arrivals, answers, strict=True)
            if isinstance(answer, Entered) and answer.member is not None
        }
        for arrival, member in members.items():
            broadcast.learn(member.room, arrival.dialect)
        presence.arrive_all([arrival.seat(member) for arrival, member in members.items()])
        # Who says hello is here from then on, under the handle that it brings.
        coming = people.show_all(member for arrival, member in members.items() if not arrival.dialect.greets)
    counts = company.counts([member for member in members.values() if member.pk in coming])
    for arrival, answer in zip(arrivals, answers, strict=True):
        with arrival.message.sending():
            if isinstance(answer, NotAdmitted):
                code = answer.refusal.code
                logger.info("Turned somebody away from %s (%s): %s", arrival.label, arrival.dialect.name, code)
                _turn_away(arrival.message, TURNED_AWAY[code])
                continue
            _let_in(arrival, members[arrival].room)
            member = members[arrival]
            if member.pk in coming:
                coming.discard(member.pk)  # of several tabs the first one came
                company.came(member, counts[answer.room.pk])
    _note("joined", [(arrival.message, arrival.label, arrival.dialect) for arrival in members])


def _let_in(arrival: Arrival, room: Room) -> None:
    message, dialect = arrival.message, arrival.dialect
    language = languages.of_handshake(message)
    message.channel_session.update(
        {
            "room": arrival.label,
            "dialect": dialect.name,
            "language": language,
            "who": arrival.who.keys[0],
            "address": addresses.customer(arrival.who.address),
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
    assert message.reply_channel is not None
    message.reply_channel.send(accept)
    # It is to get everything that is stored from now on, also what is stored before it is a member.
    broadcast.group(arrival.label, dialect).add(message.reply_channel, seq=room.last_seq)


@batch
@channel_session
def disconnect(messages: Sequence[Message]) -> None:
    """Reported at least once for every socket, perhaps long after it was lost."""
    sockets = {each.reply_channel.name: each for each in messages if each.reply_channel is not None}
    gone = presence.leave_all(sockets)
    counts = company.counts(gone.values())
    left = []
    for name, message in sockets.items():
        with message.sending():
            if name in gone:
                company.left(gone[name], counts[gone[name].room_id])
            dialect = dialect_of(message)
            if dialect is not None:
                label = message.channel_session["room"]
                broadcast.group(label, dialect).discard(name)
                left.append((message, label, dialect))
    _note("left", left)


def reconcile(message: Message) -> None:
    """End the presence of sockets that nobody reports: their interface died, and Redis lost what it had of them."""
    sockets = presence.orphans(MAX_RECONCILED)
    if not sockets:
        return
    gone = presence.leave_all(sockets)
    counts = company.counts(gone.values())
    for member in gone.values():
        company.left(member, counts[member.room_id])
    logger.warning("%d sockets whose interface died were never reported; ended their presence", len(sockets))
    if len(sockets) == MAX_RECONCILED:
        message.channel.send({})


def _note(event: str, sockets: Sequence[tuple[Message, str, Dialect]]) -> None:
    """For the log; it leaves with the first of them."""
    if sockets:
        with sockets[0][0].sending():
            note(event, [(label, dialect) for _message, label, dialect in sockets])
