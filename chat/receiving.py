"""What sockets say, handled as many at once as there are.

A frame is read in the dialect of its socket and becomes a request. What is to be stored is collected and stored in one
transaction by ``chat.storing``; all else is done as it comes. A batch has at most one frame of a socket. Who sits at
the sockets is looked up for all of them in one query, and only for those whose request needs it.

Only translation: what a message, a handle or a hello means is known elsewhere.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from chat import broadcast, company, entrance, greeting, limits, people, presence, services, storing
from chat.admission import NotAdmitted, Speaker
from chat.dialects import DIALECTS, Dialect
from chat.handles import BadHandle
from chat.languages import in_its_language, language_of
from chat.models import Member
from chat.naming import named, take_handle
from chat.protocol import Hello, Person, Ping, Post, Refusal, Rename, Request, Typing
from chat.storing import IdentityConflict, Knock, Posted
from switchboard import DeadLettered, Message, batch, channel_session, channel_session_user, on_error

logger = logging.getLogger(__name__)

#: A client tells at most so often that somebody types; what comes sooner is dropped. A little less than clients are
#: asked to keep, for the way may be slow once and fast the next time.
TYPING_SECONDS = 2.5


@dataclass(frozen=True, slots=True)
class Frame:
    """What one socket said."""

    message: Message
    label: str
    dialect: Dialect
    request: Request | Refusal

    def answer(self, text: str | None) -> None:
        if text is not None and self.message.reply_channel is not None:
            self.message.reply_channel.send({"text": text})

    def refuse(self, refusal: Refusal) -> None:
        logger.info("Refused a frame in %s (%s): %s", self.label, self.dialect.name, refusal.code)
        self.answer(self.dialect.nack(refusal))


@channel_session
@in_its_language
def nack_failure(message: Message, exception: Exception) -> None:
    """The consumer raised, or kept killing its workers: tell a client that can be told, so that it does not wait for an
    acknowledgement. To send a message again that was given up would kill more of them."""
    frame = _read(message)
    if frame is None:
        return
    cid = frame.request.cid if isinstance(frame.request, Post) else None
    if isinstance(exception, DeadLettered):
        refusal = Refusal("dead", _("This could not be stored and was given up."), cid)
    else:
        refusal = Refusal("failed", _("This could not be stored. Try again."), cid)
    frame.answer(frame.dialect.nack(refusal))


@on_error(nack_failure)
@batch
@channel_session_user
def receive(messages: Sequence[Message]) -> None:
    """What sockets said. All that is to be stored is stored in one transaction."""
    frames = [frame for frame in map(_read_in_its_language, messages) if frame is not None]
    members = presence.members_at(_name(frame) for frame in frames if isinstance(frame.request, Post | Hello | Rename))
    posts = []
    for frame in frames:
        with frame.message.sending(), language_of(frame.message):
            knock = _handle(frame, members.get(_name(frame)))
        if knock is not None:
            posts.append((frame, knock))
    if not posts:
        return
    for (frame, knock), posted in zip(posts, storing.store([knock for _frame, knock in posts]), strict=True):
        with frame.message.sending(), language_of(frame.message):
            _tell(frame, knock, posted)


def _handle(frame: Frame, member: Member | None) -> Knock | None:
    """Do what a frame asks for, unless that is to store something: that is left to do."""
    request = frame.request
    if isinstance(request, Typing):
        _typing(frame)
    elif isinstance(request, Ping):
        frame.answer(frame.dialect.pong())
    elif isinstance(request, Refusal):
        frame.refuse(request)
    elif (member := member or _late_member(frame)) is not None:
        try:
            if isinstance(request, Post):
                return _knock(frame, request, member)
            if isinstance(request, Hello):
                _welcome(frame, request, member)
            else:
                _rename(frame, request, member)
        except BadHandle as bad:
            frame.refuse(Refusal(bad.code, bad.text, _cid(request)))
        except NotAdmitted as refused:
            frame.refuse(replace(refused.refusal, cid=_cid(request)))
    return None


def _knock(frame: Frame, said: Post, member: Member) -> Knock:
    """Raises ``BadHandle``, ``NotAdmitted``."""
    want = _want(frame.message)
    identity = services.identity_of(cid=said.cid, message_id=frame.message.id)
    said = named(frame.label, member, said, identity=identity, want=want, can_be_told=frame.dialect.greets)
    _know(frame.message, member)
    return Knock(frame.label, said, identity, frame.message.user, Speaker.of(member, want))


def _tell(frame: Frame, knock: Knock, posted: Posted | IdentityConflict | NotAdmitted) -> None:
    """Answer who spoke, and tell the room."""
    cid = knock.said.cid
    if isinstance(posted, IdentityConflict):
        frame.refuse(Refusal("conflict", _("This id belongs to another message."), cid))
    elif isinstance(posted, NotAdmitted):
        frame.refuse(replace(posted.refusal, cid=cid))
    else:
        line = posted.message.as_line()
        broadcast.tell(frame.label, line)
        frame.answer(frame.dialect.ack(line, cid))


def _welcome(frame: Frame, hello: Hello, member: Member) -> None:
    greeted = greeting.greet(member, hello)
    frame.answer(frame.dialect.welcome(greeted.welcome))
    greeted.tell()
    _know(frame.message, member)


def _rename(frame: Frame, wanted: Rename, member: Member) -> None:
    """Raises ``BadHandle``, ``NotAdmitted``."""
    changed = take_handle(member, wanted.handle, _want(frame.message))
    _know(frame.message, member)
    if changed:
        company.renamed(member)
    else:
        frame.answer(frame.dialect.you(people.as_person(member)))


def _typing(frame: Frame) -> None:
    """No query: who they are is in the channel session, as of their last hello, message or change of handle."""
    session = frame.message.channel_session
    now = time.time()
    person, handle = session.get("person"), session.get("handle")
    if not person or not handle or now - session.get("typed", 0.0) < TYPING_SECONDS:
        return
    session["typed"] = now
    company.typing(frame.label, Person(person, handle))


def _know(message: Message, member: Member) -> None:
    message.channel_session["person"] = member.person
    message.channel_session["handle"] = member.handle


def _late_member(frame: Frame) -> Member | None:
    """Who sits at a socket of which no member is known. None if the room was deleted, or the account: it is closed."""
    found = entrance.rejoin(frame.label, _name(frame))
    if found is None and frame.message.reply_channel is not None:
        code = broadcast.CONNECT_AGAIN if services.has_room(frame.label) else broadcast.ROOM_DELETED
        frame.message.reply_channel.send({"close": code})
    return found


def _want(message: Message) -> limits.Want:
    session = message.channel_session
    return limits.message(session.get("who", ""), session.get("address", ""))


def _cid(request: Request | Refusal) -> str | None:
    return request.cid if isinstance(request, Post) else None


def _name(frame: Frame) -> str:
    assert frame.message.reply_channel is not None
    return frame.message.reply_channel.name


def _read_in_its_language(message: Message) -> Frame | None:
    with language_of(message):
        return _read(message)


def _read(message: Message) -> Frame | None:
    """None for what was sent before the close of a socket without a room got there."""
    dialect = dialect_of(message)
    if dialect is None:
        return None
    text = message.content.get("text")
    binary = Refusal("binary", _("This socket takes text frames only."))
    return Frame(
        message, message.channel_session["room"], dialect, dialect.parse(text) if isinstance(text, str) else binary
    )


def dialect_of(message: Message) -> Dialect | None:
    """The dialect that a socket speaks; None where it has no room."""
    name = message.channel_session.get("dialect")
    return DIALECTS[name] if isinstance(name, str) else None
