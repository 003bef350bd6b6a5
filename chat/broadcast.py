"""Bringing stored messages to those who are in the room.

What ``chat.storing`` stored is told by whoever asked for it: in a batch, each message with the acknowledgement of its
own frame. A row of ``Message`` that is saved elsewhere, in the admin or a shell, is announced by its ``post_save``
signal, after the commit. Updates, fixtures and other bulk inserts are not announced.

A room has one group for each dialect, since a frame for a group is encoded once for all its members. The groups are
numbered by the messages' ``seq``: interfaces keep the order, drop what a member has, and ask ``chat.repair`` for what
they missed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete, post_save

from chat.dialects import DIALECTS, Dialect
from chat.models import Message, Room
from chat.protocol import Line
from switchboard import Channel, Group

#: The close code of a socket whose room was deleted.
ROOM_DELETED = 4410
#: Of one whose person is banned.
BANNED = 4403
#: Of one whose browser logged in or out, or whose account is gone: who connects again is somebody else.
CONNECT_AGAIN = 4401

_PREFIX = "chat"


def group_name(label: str, dialect: Dialect) -> str:
    """Labels are made of letters that group names may have, and short enough."""
    return f"{_PREFIX}.{label}.{dialect.name}"


def read_group_name(name: str) -> tuple[str, Dialect] | None:
    """The room's label and the dialect, if the group is one of ours. A label has no dot."""
    prefix, _, rest = name.partition(".")
    label, _, dialect = rest.partition(".")
    return (label, DIALECTS[dialect]) if prefix == _PREFIX and dialect in DIALECTS else None


def group(label: str, dialect: Dialect) -> Group:
    return Group(group_name(label, dialect))


def announce(message: Message) -> None:
    """Send the message to its room when the transaction has committed."""
    # Robust: the message is stored, and whoever stored it should not hear of an error because a wire was down.
    transaction.on_commit(lambda: tell(message.room, message.as_line()), robust=True)


def frame(line: Line, dialect: Dialect) -> dict[str, str] | None:
    """What a group of that dialect is sent to tell of a message; None if it is told nothing."""
    text = dialect.line(line)
    return None if text is None else {"text": text}


def tell(room: Room, line: Line) -> None:
    """Send a message, which is committed, to its room, in the dialects that are spoken there."""
    for name in room.dialects.split() or DIALECTS:
        dialect = DIALECTS[name]
        content = frame(line, dialect)
        if content is not None:
            group(room.label, dialect).send(content, seq=line.seq)


def learn(room: Room, dialect: Dialect) -> None:
    """Tell the room of messages in this dialect too, from the one after ``room.last_seq``, which is read anew: whoever
    stores a message knows of the dialect, or is in that count. To be called inside a transaction."""
    if not room.dialects or dialect.name in room.dialects.split():
        return
    locked = Room.objects.select_for_update().get(pk=room.pk)
    if dialect.name not in locked.dialects.split():
        locked.dialects = f"{locked.dialects} {dialect.name}"
        locked.save(update_fields=["dialects"])
    room.dialects, room.last_seq = locked.dialects, locked.last_seq


def tell_of(label: str, make: Callable[[Dialect], str | None]) -> None:
    """Send a room what is no message, in the dialects that have a frame for it, when the transaction has committed.

    It has no number: a client that misses it learns the same from its next welcome.
    """
    for dialect in DIALECTS.values():
        text = make(dialect)
        if text is not None:
            transaction.on_commit(partial(group(label, dialect).send, {"text": text}), robust=True)


def tell_sockets(reply_channels: Iterable[str], content: dict[str, object]) -> None:
    """Send single sockets the same, when the transaction has committed."""
    for name in reply_channels:
        transaction.on_commit(partial(Channel(name).send, content), robust=True)


def part(label: str) -> None:
    """Close the sockets of a room that is deleted, when the transaction has committed.

    A room of the same label counts from 1 again, and who has the numbers of the old one would take its messages for
    known.
    """
    for dialect in DIALECTS.values():
        transaction.on_commit(partial(group(label, dialect).send, {"close": ROOM_DELETED}), robust=True)


def listen() -> None:
    """Hear of new messages and deleted rooms from now on."""
    post_save.connect(_on_saved, sender=Message, dispatch_uid="chat.broadcast")
    post_delete.connect(_on_deleted, sender=Room, dispatch_uid="chat.broadcast")


def _on_saved(instance: Message, created: bool, raw: bool, **kwargs: Any) -> None:
    if created and not raw:
        announce(instance)


def _on_deleted(instance: Room, **kwargs: Any) -> None:
    part(instance.label)
