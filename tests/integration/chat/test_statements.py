"""The statements by hand, held against the models whose tables they speak of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from chat import people, presence, services, statements
from chat.identity import Who
from chat.models import Member, Message, Room

pytestmark = pytest.mark.django_db


def columns(model: Any) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def test_the_columns_are_those_of_the_models_in_their_order() -> None:
    assert [name for name in columns(Member) if name != "seen"] == list(statements._SEAT)
    assert [name for name in columns(Room) if name in statements._ROOM] == list(statements._ROOM)
    assert set(columns(Message)) - {"id"} == set(statements._MESSAGE)


def test_a_member_is_read_as_the_model_reads_it() -> None:
    user = User.objects.create_user("ada")
    room = services.ensure_room("tea")
    ada, bob = people.enter(room, Who(("u:1",), user=user), keys=True), people.enter(room, Who(("c:2",)))
    people.show(ada)
    Member.objects.filter(pk=bob.pk).update(muted=True)
    for member, name in ((ada, "i!1"), (ada, "i!2"), (bob, "i!3")):
        presence.arrive(member, name)
    found = statements.members_at(["i!1", "i!2", "i!3", "i!4"])
    assert list(found) and found["i!1"] is found["i!2"] and "i!4" not in found
    for name in ("i!1", "i!3"):
        stored = Member.objects.get(pk=found[name].pk)
        assert {column: getattr(found[name], column) for column in columns(Member)} == {
            column: getattr(stored, column) for column in columns(Member)
        }
        assert type(found[name].keys) is type(found[name].banned) is bool


def test_rooms_are_read_as_the_model_reads_them() -> None:
    Room.objects.create(label="b", last_seq=7, locked=True, topic="tea", dialects="v1 classic")
    Room.objects.create(label="a")
    with transaction.atomic():
        found = statements.locked_rooms(["a", "b", "c"])
    assert [room.label for room in found] == ["b", "a"]
    for room in found:
        stored = Room.objects.get(pk=room.pk)
        assert {name: getattr(room, name) for name in columns(Room)} == {
            name: getattr(stored, name) for name in columns(Room)
        }
        assert type(room.locked) is bool


def test_what_is_inserted_is_read_by_the_model() -> None:
    rooms = [services.ensure_room(label) for label in ("a", "b")]
    user = User.objects.create_user("ada")
    at = datetime(2026, 2, 20, 19, 48, 1, 234567, UTC)
    new = [
        Message(room=rooms[n % 2], seq=n // 2 + 1, handle="ada", message=f"m{n} 😀", identity=f"c:{n}", timestamp=at)
        for n in range(6)
    ]
    new[0].user, new[0].person = user, "p"
    statements.insert(new)
    for message in new:
        stored = Message.objects.get(pk=message.pk)
        assert {name: getattr(stored, name) for name in columns(Message)} == {
            name: getattr(message, name) for name in columns(Message)
        }
        assert not message._state.adding
    places = {(message.room_id, message.identity) for message in new}
    assert statements.stored({*places, (rooms[0].pk, "c:1"), (rooms[1].pk, "c:7")}) == places
    assert statements.stored(set()) == set() and statements.members_at([]) == {}
