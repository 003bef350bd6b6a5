"""What happens when a socket connects, says something and leaves.

Only translation: the dialect reads and writes frames, ``chat.entrance`` lets people in, ``chat.services`` knows what a
message is, ``chat.broadcast`` and ``chat.company`` tell the room. The connection remembers its room, its dialect, its
language and what its messages are counted by in the channel session; who sits at it, the database knows, since that may
be changed from elsewhere.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from chat import (
    addresses,
    broadcast,
    company,
    entrance,
    greeting,
    identity,
    labels,
    languages,
    limits,
    people,
    presence,
    services,
    storing,
)
from chat.activity import note
from chat.admission import NotAdmitted, Speaker
from chat.dialects import DIALECTS, Dialect, of_page
from chat.handles import BadHandle
from chat.languages import in_its_language, speaking_to
from chat.models import Member
from chat.naming import named, take_handle
from chat.presence import Seat
from chat.protocol import Hello, Person, Ping, Post, Refusal, Rename, Request, Typing
from chat.storing import Answer, IdentityConflict, Knock
from switchboard import (
    DeadLettered,
    Message,
    batch,
    channel_session,
    channel_session_user,
    channel_session_user_from_http,
    on_error,
)

logger = logging.getLogger(__name__)

#: The close code for a room that cannot be.
NO_SUCH_ROOM = 4404
#: And for who may not come in, by the reason.
TURNED_AWAY = {"banned": 4403, "slow-down": 4408}
PUBLIC_ROOM = "public"

#: A client tells at most so often that somebody types; what comes sooner is dropped. A little less than clients are
#: asked to keep, for the way may be slow once and fast the next time.
TYPING_SECONDS = 2.5


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
@in_its_language
def nack_failure(message: Message, exception: Exception) -> None:
    """The consumer raised, or kept killing its workers: tell a client that can be told, so that it does not wait for an
    acknowledgement. To send a message again that was given up would kill more of them."""
    dialect = _dialect(message.channel_session)
    if dialect is None:
        return
    request = _read(message, dialect)
    cid = request.cid if isinstance(request, Post) else None
    if isinstance(exception, DeadLettered):
        refusal = Refusal("dead", _("This could not be stored and was given up."), cid)
    else:
        refusal = Refusal("failed", _("This could not be stored. Try again."), cid)
    _answer(message, dialect.nack(refusal))


@on_error(nack_failure)
@batch
@channel_session_user
def receive(messages: Sequence[Message]) -> None:
    """What sockets said. All that is to be stored is stored in one transaction."""
    posts = []
    for message in messages:
        with speaking_to(message):
            request = _handle(message)
        if isinstance(request, Post):
            posts.append((message, request))
    if posts:
        _post(posts)


def _handle(message: Message) -> Request | Refusal | None:
    """Do what a frame asks for, unless that is to store something: that is left to do."""
    dialect = _dialect(message.channel_session)
    if dialect is None:
        return None  # Sent before the close of a socket without a room got there.
    label = message.channel_session["room"]
    request = _read(message, dialect)
    if isinstance(request, Hello):
        _welcome(message, dialect, request)
    elif isinstance(request, Rename):
        _rename(message, label, dialect, request)
    elif isinstance(request, Typing):
        _typing(message, label)
    elif isinstance(request, Ping):
        _answer(message, dialect.pong())
    elif isinstance(request, Refusal):
        _refuse(message, label, dialect, request)
    return request


@channel_session
def disconnect(message: Message) -> None:
    """Reported at least once for every socket, perhaps long after it was lost."""
    if message.reply_channel is None:
        return
    gone = presence.leave(message.reply_channel.name)
    if gone is not None:
        company.left(gone)
    dialect = _dialect(message.channel_session)
    if dialect is None:
        return
    label = message.channel_session["room"]
    broadcast.group(label, dialect).discard(message.reply_channel)
    note("left", label, dialect)


def _post(posts: Sequence[tuple[Message, Post]]) -> None:
    seats = presence.seats([_name(message) for message, _said in posts])
    knocking = []
    for message, said in posts:
        with speaking_to(message):
            knock = _knock(message, said, seats.get(_name(message)))
        if knock is not None:
            knocking.append((message, knock))
    for (message, knock), answer in zip(knocking, storing.store([knock for _message, knock in knocking]), strict=True):
        with speaking_to(message):
            _tell(message, knock, answer)


def _knock(message: Message, said: Post, seat: Seat | None) -> Knock | None:
    """What is to be stored of ``said``; None where it is refused before that."""
    identity = services.identity_of(cid=said.cid, message_id=message.id)
    label, dialect = message.channel_session["room"], DIALECTS[message.channel_session["dialect"]]
    want = _want(message)
    if seat is not None and dialect.greets and seat.is_known_as(said.handle):
        speaker = Speaker(seat.person, muted=seat.muted, keys=seat.keys, want=want)
        return Knock(label, replace(said, handle=seat.handle), identity, by=speaker)
    if (member := _member(message)) is None:
        return None
    try:
        said = named(member.room, member, said, identity=identity, want=want, can_be_told=dialect.greets)
    except BadHandle as bad:
        _refuse(message, label, dialect, Refusal(bad.code, bad.text, said.cid))
        return None
    except NotAdmitted as refused:
        _refuse(message, label, dialect, replace(refused.refusal, cid=said.cid))
        return None
    return Knock(label, said, identity, member.user, Speaker.of(member, want))


def _tell(message: Message, knock: Knock, answer: Answer) -> None:
    """Answer who spoke, and tell the room."""
    label, dialect, cid = knock.label, DIALECTS[message.channel_session["dialect"]], knock.said.cid
    if isinstance(answer, IdentityConflict):
        _refuse(message, label, dialect, Refusal("conflict", _("This id belongs to another message."), cid))
    elif isinstance(answer, NotAdmitted):
        _refuse(message, label, dialect, replace(answer.refusal, cid=cid))
    else:
        line = answer.message.as_line()
        broadcast.say(label, line)
        _answer(message, dialect.ack(line, cid))


def _rename(message: Message, label: str, dialect: Dialect, wanted: Rename) -> None:
    if (member := _member(message)) is None:
        return
    try:
        changed = take_handle(member, wanted.handle, _want(message))
    except BadHandle as bad:
        _refuse(message, label, dialect, Refusal(bad.code, bad.text))
    except NotAdmitted as refused:
        _refuse(message, label, dialect, refused.refusal)
    else:
        _know(message, member)
        if changed:
            company.renamed(member)
        else:
            _answer(message, dialect.you(people.as_person(member)))


def _typing(message: Message, label: str) -> None:
    """No query: who they are is in the channel session, as of their last hello, message or change of handle."""
    session = message.channel_session
    now = time.time()
    person, handle = session.get("person"), session.get("handle")
    if not person or not handle or now - session.get("typed", 0.0) < TYPING_SECONDS:
        return
    session["typed"] = now
    company.typing(label, Person(person, handle))


def _welcome(message: Message, dialect: Dialect, hello: Hello) -> None:
    if (member := _member(message)) is None:
        return
    greeted = greeting.greet(member, hello)
    _answer(message, dialect.welcome(greeted.welcome))
    greeted.tell()
    _know(message, member)


def _know(message: Message, member: Member) -> None:
    message.channel_session["person"] = member.person
    message.channel_session["handle"] = member.handle


def _member(message: Message) -> Member | None:
    """Who sits at this socket. None if the room was deleted, or the account: then it is closed."""
    name, label = _name(message), message.channel_session["room"]
    found = presence.members_at([name]).get(name) or entrance.rejoin(label, name)
    if found is None:
        code = broadcast.CONNECT_AGAIN if services.has_room(label) else broadcast.ROOM_DELETED
        assert message.reply_channel is not None
        message.reply_channel.send({"close": code})
    return found


def _name(message: Message) -> str:
    assert message.reply_channel is not None
    return message.reply_channel.name


def _want(message: Message) -> limits.Want:
    session = message.channel_session
    return limits.message(session.get("who", ""), session.get("address", ""))


def _refuse(message: Message, label: str, dialect: Dialect, refusal: Refusal) -> None:
    logger.info("Refused a frame in %s (%s): %s", label, dialect.name, refusal.code)
    _answer(message, dialect.nack(refusal))


def _answer(message: Message, frame: str | None) -> None:
    if frame is not None and message.reply_channel is not None:
        message.reply_channel.send({"text": frame})


def _read(message: Message, dialect: Dialect) -> Request | Refusal:
    text = message.content.get("text")
    if not isinstance(text, str):
        return Refusal("binary", "This socket takes text frames only.")
    return dialect.parse(text)


def _dialect(session: Mapping[str, object]) -> Dialect | None:
    name = session.get("dialect")
    return DIALECTS[name] if isinstance(name, str) else None
