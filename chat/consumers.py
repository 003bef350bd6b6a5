"""What happens when a socket connects, says something and leaves.

Only translation: the dialect reads and writes frames, ``chat.services`` knows what a message is, ``chat.broadcast``
tells the room. The connection remembers its room and dialect in the channel session.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from chat import broadcast, labels, presence, services, storing
from chat.activity import note
from chat.dialects import DIALECTS, Dialect, of_page
from chat.protocol import Hello, Ping, Post, Refusal, Request
from chat.storing import IdentityConflict, Knock, Posted
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
    """Accept and close: a handshake refused with 403 tells a browser nothing, a close code does."""
    assert message.reply_channel is not None
    reply: dict[str, object] = {"accept": True, "close": NO_SUCH_ROOM}
    # A browser that offered subprotocols and is accepted without one reports 1006, not our code.
    if offered := message.content.get("subprotocols"):
        reply["subprotocol"] = offered[0]
    message.reply_channel.send(reply)


def _connect(message: Message, label: str, dialect: Dialect) -> None:
    if not labels.is_label(label):
        no_such_room(message)
        return
    assert message.reply_channel is not None
    room = services.ensure_room(label)
    presence.arrive(room, message.reply_channel.name, _person(message))
    message.channel_session["room"] = label
    message.channel_session["dialect"] = dialect.name
    accept: dict[str, object] = {"accept": True}
    if dialect.subprotocol is not None:
        accept["subprotocol"] = dialect.subprotocol
    if dialect.frames:
        accept["frames"] = dict(dialect.frames)
    if dialect.answers:
        accept["answers"] = dict(dialect.answers)
    message.reply_channel.send(accept)
    # It is to get everything that is stored from now on, also what is stored before it is a member.
    broadcast.group(label, dialect).add(message.reply_channel, seq=room.last_seq)
    note("joined", label, dialect)


def _person(message: Message) -> str:
    assert message.reply_channel is not None
    session = message.http_session
    key = session.session_key if session is not None else None
    return presence.person_of(message.user, key, message.reply_channel.name)


@channel_session
def nack_failure(message: Message, exception: Exception) -> None:
    """The consumer raised, or kept killing its workers: tell a client that can be told, so that it does not wait for an
    acknowledgement. To send a message again that was given up would kill more of them."""
    dialect = _dialect(message.channel_session)
    if dialect is None:
        return
    request = _read(message, dialect)
    cid = request.cid if isinstance(request, Post) else None
    if isinstance(exception, DeadLettered):
        refusal = Refusal("dead", "This could not be stored and was given up.", cid)
    else:
        refusal = Refusal("failed", "This could not be stored. Try again.", cid)
    _answer(message, dialect.nack(refusal))


@on_error(nack_failure)
@batch
@channel_session_user
def receive(messages: Sequence[Message]) -> None:
    """What sockets said. All that is to be stored is stored in one transaction."""
    posts = []
    for message in messages:
        with message.sending():
            request = _handle(message)
        if isinstance(request, Post):
            posts.append((message, request))
    _post(posts)


def _handle(message: Message) -> Request | Refusal | None:
    """Do what a frame asks for, unless that is to store something: that is left to do."""
    dialect = _dialect(message.channel_session)
    if dialect is None:
        return None  # Sent before the close of a socket without a room got there.
    label = message.channel_session["room"]
    request = _read(message, dialect)
    if isinstance(request, Hello):
        _welcome(message, label, dialect, request)
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
    presence.leave(message.reply_channel.name)
    dialect = _dialect(message.channel_session)
    if dialect is None:
        return
    label = message.channel_session["room"]
    broadcast.group(label, dialect).discard(message.reply_channel)
    note("left", label, dialect)


def _post(posts: Sequence[tuple[Message, Post]]) -> None:
    if not posts:
        return
    knocks = [
        Knock(
            message.channel_session["room"],
            said,
            services.identity_of(cid=said.cid, message_id=message.id),
            message.user,
        )
        for message, said in posts
    ]
    for (message, said), posted in zip(posts, storing.store(knocks), strict=True):
        with message.sending():
            _tell(message, said, posted)


def _tell(message: Message, said: Post, posted: Posted | IdentityConflict) -> None:
    """Answer who spoke, and tell the room."""
    label, dialect = message.channel_session["room"], DIALECTS[message.channel_session["dialect"]]
    if isinstance(posted, IdentityConflict):
        _refuse(message, label, dialect, Refusal("conflict", "This id belongs to another message.", said.cid))
        return
    line = posted.message.as_line()
    broadcast.tell(label, line)
    _answer(message, dialect.ack(line, said.cid))
    _remember_handle(message, said.handle)


def _remember_handle(message: Message, handle: str) -> None:
    assert message.reply_channel is not None
    if message.channel_session.get("handle") != handle:
        presence.call(message.reply_channel.name, handle)
        message.channel_session["handle"] = handle


def _welcome(message: Message, label: str, dialect: Dialect, hello: Hello) -> None:
    missed = services.missed(label, hello.last)
    lines = [stored.as_line() for stored in missed.messages]
    user = message.user.get_username() if message.user.is_authenticated else None
    _answer(message, dialect.welcome(missed.seq, lines, reset=missed.reset, user=user))


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
