"""What sockets say, handled as many at once as there are.

A batch has at most one frame of a socket. What frames ask of the database is asked once for all of them: who sits at
the sockets, then the handles that they want, then what is to be stored, then the hellos, each in one transaction. Then
each frame is answered and its room told, so that all of it leaves with that frame's acknowledgement.

Only translation: what a message, a handle or a hello means is known elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TypeAlias

from django.utils.translation import gettext_lazy as _

from chat import broadcast, company, entrance, greeting, handles, people, presence, services, storing
from chat.admission import NotAdmitted, Speaker
from chat.frames import Frame, read
from chat.greeting import Greeted
from chat.handles import BadHandle
from chat.languages import in_its_language, language_of
from chat.models import Member
from chat.naming import Signature, Wish, named, take_handles, under
from chat.protocol import Hello, Person, Ping, Post, Refusal, Rename, Typing
from chat.storing import IdentityConflict, Knock, Posted, RoomGone
from switchboard import DeadLettered, Message, batch, channel_session, channel_session_user, on_error

#: A client tells at most so often that somebody types; what comes sooner is dropped. A little less than clients are
#: asked to keep, for the way may be slow once and fast the next time.
TYPING_SECONDS = 2.5

#: Why somebody does not get what they asked for.
Fault: TypeAlias = BadHandle | NotAdmitted | IdentityConflict | RoomGone
#: What became of a frame: a handle (whether it changed), a welcome, a stored message.
Outcome: TypeAlias = bool | Greeted | Posted | Fault


@channel_session
@in_its_language
def nack_failure(message: Message, exception: Exception) -> None:
    """The consumer raised, or kept killing its workers: tell a client that can be told, so that it does not wait for an
    acknowledgement. To send a message again that was given up would kill more of them."""
    frame = read(message)
    if frame is None:
        return
    if isinstance(exception, DeadLettered):
        refusal = Refusal("dead", _("This could not be stored and was given up."), frame.cid)
    else:
        refusal = Refusal("failed", _("This could not be stored. Try again."), frame.cid)
    frame.answer(frame.dialect.nack(refusal))


@on_error(nack_failure)
@batch
@channel_session_user
def receive(messages: Sequence[Message]) -> None:
    """What sockets said."""
    frames = [frame for frame in map(read, messages) if frame is not None]
    seated = _seated([frame for frame in frames if isinstance(frame.request, Post | Hello | Rename)])
    outcomes: dict[Frame, Outcome] = {}
    renamed = _give_handles([frame for frame in seated if not isinstance(frame.request, Hello)], outcomes)
    _store([frame for frame in seated if isinstance(frame.request, Post)], outcomes)
    # Last: a welcome is not to be older than what leaves before it.
    _greet([frame for frame in seated if isinstance(frame.request, Hello)], outcomes)
    greeted = [frame for frame in seated if isinstance(told := outcomes[frame], Greeted) and told.renamed]
    renamings = company.Renamings([frame.member for frame in [*renamed, *greeted] if frame.member is not None])
    for frame in frames:
        with frame.sending():
            if frame in renamed:
                assert frame.member is not None
                renamings.tell(frame.member)
            if frame in outcomes:
                _tell(frame, outcomes[frame], renamings)
            else:
                _answer(frame)


def _seated(frames: Sequence[Frame]) -> list[Frame]:
    """Those of the frames at whose sockets somebody sits."""
    members = presence.members_at(frame.socket for frame in frames)
    for frame in frames:
        frame.member = members.get(frame.socket) or _late_member(frame)
    return [frame for frame in frames if frame.member is not None]


def _late_member(frame: Frame) -> Member | None:
    """Who sits at a socket of which no member is known. None if the room was deleted, or the account: it is closed."""
    found = entrance.rejoin(frame.label, frame.socket)
    if found is None:
        frame.close(broadcast.CONNECT_AGAIN if services.has_room(frame.label) else broadcast.ROOM_DELETED)
    return found


def _give_handles(frames: Sequence[Frame], outcomes: dict[Frame, Outcome]) -> Collection[Frame]:
    """Give people the handles that frames bring; by which of them somebody goes by another one now.

    Old dialects name somebody in each frame and cannot be told anything: they are seen to one by one, in ``_knock``.
    """
    wishes: dict[Frame, Wish] = {}
    for frame in frames:
        assert frame.member is not None
        if isinstance(frame.request, Rename):
            try:
                with language_of(frame.message):
                    wishes[frame] = Wish(frame.member, handles.read(frame.request.handle), frame.want)
            except BadHandle as bad:
                outcomes[frame] = bad
        elif isinstance(frame.request, Post) and frame.request.handle and frame.dialect.greets:
            wishes[frame] = Wish(frame.member, frame.request.handle, frame.want)
    outcomes.update(zip(wishes, take_handles(list(wishes.values())), strict=True))
    return {frame for frame in wishes if outcomes[frame] is True}


def _greet(frames: Sequence[Frame], outcomes: dict[Frame, Outcome]) -> None:
    hellos = [(frame.member, frame.request) for frame in frames]
    outcomes.update(zip(frames, greeting.greet_all(hellos), strict=True))  # type: ignore[arg-type]


def _store(frames: Sequence[Frame], outcomes: dict[Frame, Outcome]) -> None:
    if frames:
        knocks = [_knock(frame, outcomes.get(frame, False)) for frame in frames]
        outcomes.update(zip(frames, storing.store(knocks), strict=True))


def _knock(frame: Frame, handle: Outcome) -> Knock:
    said, member = frame.request, frame.member
    assert isinstance(said, Post)
    assert member is not None
    if not frame.dialect.greets:
        with frame.sending():
            signature = named(member, said.handle, frame.want, can_be_told=False)
    elif isinstance(handle, BadHandle | NotAdmitted):
        signature = Signature(fault=handle)
    else:
        signature = under(said.handle or member.handle)
    return Knock(
        frame.label,
        replace(said, handle=signature.handle),
        services.identity_of(cid=said.cid, message_id=frame.message.id),
        frame.message.user,
        Speaker.of(member, frame.want),
        member.room_id,
        signature.fault,
    )


def _tell(frame: Frame, outcome: Outcome, renamings: company.Renamings) -> None:
    """Answer who spoke, and tell the room."""
    member = frame.member
    assert member is not None
    if isinstance(outcome, Posted):
        line = outcome.message.as_line()
        broadcast.tell(outcome.message.room, line)
        frame.answer(frame.dialect.ack(line, frame.cid))
    elif isinstance(outcome, Greeted):
        frame.answer(frame.dialect.welcome(outcome.welcome))
        outcome.tell(member, renamings)
    elif isinstance(outcome, RoomGone):
        frame.close(broadcast.ROOM_DELETED)
    elif isinstance(outcome, IdentityConflict):
        frame.refuse(Refusal("conflict", _("This id belongs to another message."), frame.cid))
    elif isinstance(outcome, NotAdmitted):
        frame.refuse(replace(outcome.refusal, cid=frame.cid))
    elif isinstance(outcome, BadHandle):
        frame.refuse(Refusal(outcome.code, outcome.text, frame.cid))
    elif not outcome:
        frame.answer(frame.dialect.you(people.as_person(member)))
    frame.message.channel_session["person"] = member.person
    frame.message.channel_session["handle"] = member.handle


def _answer(frame: Frame) -> None:
    """What asks nothing of the database."""
    if isinstance(frame.request, Typing):
        _typing(frame)
    elif isinstance(frame.request, Ping):
        frame.answer(frame.dialect.pong())
    elif isinstance(frame.request, Refusal):
        frame.refuse(frame.request)


def _typing(frame: Frame) -> None:
    """Who they are is in the channel session, as of their last hello, message or change of handle."""
    session = frame.message.channel_session
    now = time.time()
    person, handle = session.get("person"), session.get("handle")
    if not person or not handle or now - session.get("typed", 0.0) < TYPING_SECONDS:
        return
    session["typed"] = now
    company.typing(frame.label, Person(person, handle))
