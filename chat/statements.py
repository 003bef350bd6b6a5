"""What every message asks of the database, in SQL.

Django compiles a query anew each time it is made, half a millisecond for each, and five of them were two thirds of what
a message cost. Here they are written down: the same statements, in what SQLite and PostgreSQL have in common, for any
number of rows. All else in the chat is asked through the models, and what changes a model has to change its columns
here; a test compares them.

What locks or writes is to be called in the transaction of its caller.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db import connection

from chat.models import Connection, Member, Message, Room

#: A place that a message may have: its room's key and its identity.
Place = tuple[int, str]

# In the order of their models' fields, which `Model.from_db` goes by.
_SEAT = ("id", "room_id", "person", "handle", "handle_key", "user_id", "here", "passing", "keys", "muted", "banned")
_FLAGS = slice(6, None)
_ROOM = ("id", "label", "locked", "dialects", "last_seq")
_MESSAGE = ("room_id", "handle", "message", "timestamp", "seq", "identity", "user_id", "person", "deleted")


def members_at(reply_channels: Collection[str]) -> dict[str, Member]:
    """Who sits at these sockets. Who sits at several is the same object; ``seen`` is not loaded."""
    if not reply_channels:
        return {}
    columns = ", ".join(f"member.{column}" for column in _SEAT)
    rows = _rows(
        f"SELECT seat.reply_channel, {columns} FROM {_table(Connection)} seat"
        f" JOIN {_table(Member)} member ON member.id = seat.member_id"
        f" WHERE seat.reply_channel IN ({_marks(reply_channels)})",
        reply_channels,
    )
    members: dict[int, Member] = {}
    found = {}
    for name, *values in rows:
        member = members.get(values[0])
        if member is None:
            values[_FLAGS] = map(bool, values[_FLAGS])
            member = members[values[0]] = Member.from_db(connection.alias, _SEAT, values)
        found[name] = member
    return found


def locked_rooms(labels: Collection[str]) -> list[Room]:
    """The rooms of these labels, in the order of their keys, their rows locked until the transaction ends. (SQLite
    locks all there is, when it begins.) Topic and the like are not loaded."""
    lock = " FOR UPDATE" if connection.features.has_select_for_update else ""
    rows = _rows(
        f"SELECT {', '.join(_ROOM)} FROM {_table(Room)} WHERE label IN ({_marks(labels)}) ORDER BY id{lock}", labels
    )
    return [
        Room.from_db(connection.alias, _ROOM, [pk, label, bool(locked), *more]) for pk, label, locked, *more in rows
    ]


def stored(places: Collection[Place]) -> set[Place]:
    """Those of the places that have a message."""
    if not places:
        return set()
    values = ", ".join(["(%s, %s)"] * len(places))
    # Row values IN (VALUES ...) make SQLite read all messages there are; this makes it look each place up.
    found = _rows(
        f"WITH place (room, identity) AS (VALUES {values})"
        f" SELECT message.room_id, message.identity FROM place CROSS JOIN {_table(Message)} message"
        " WHERE message.room_id = place.room AND message.identity = place.identity",
        [value for place in places for value in place],
    )
    return {(room, identity) for room, identity in found}


def insert(messages: Sequence[Message]) -> None:
    """Store new messages, and give them their keys. No signal is sent."""
    if not messages:
        return
    row = f"({', '.join(['%s'] * len(_MESSAGE))})"
    made = _rows(
        f"INSERT INTO {_table(Message)} ({', '.join(_MESSAGE)}) VALUES {', '.join([row] * len(messages))}"
        " RETURNING room_id, seq, id",
        [value for message in messages for value in _values(message)],
    )
    keys = {(room, seq): pk for room, seq, pk in made}
    for message in messages:
        message.pk = keys[message.room_id, message.seq]
        message._state.adding, message._state.db = False, connection.alias


def count(number: int, rooms: Collection[int]) -> None:
    """Each of the rooms has so many messages more."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {_table(Room)} SET last_seq = last_seq + %s WHERE id IN ({_marks(rooms)})", [number, *rooms]
        )


def rename(members: Collection[Member]) -> None:
    """Each goes by the handle that it has from now on. Django's update of many rows by different values was a third of
    what a first message cost.

    Raises:
        IntegrityError: somebody else has one of the handles.
    """
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {_table(Member)} SET handle = %s, handle_key = %s WHERE id = %s",
            [(member.handle, member.handle_key, member.pk) for member in members],
        )


def _values(message: Message) -> Iterable[Any]:
    at = connection.ops.adapt_datetimefield_value(message.timestamp)
    yield from (message.room_id, message.handle, message.message, at, message.seq, message.identity)
    yield from (message.user_id, message.person, message.deleted)


def _rows(statement: str, values: Collection[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(values))
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _marks(values: Collection[Any]) -> str:
    return ", ".join(["%s"] * len(values))


def _table(model: Any) -> str:
    return connection.ops.quote_name(model._meta.db_table)
