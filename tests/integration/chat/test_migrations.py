"""A deploy migrates first and restarts workers afterwards: what the code before writes has to fit the tables of now."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from chat.models import Connection, Message, Room

pytestmark = pytest.mark.django_db


def insert(table: str, **values: Any) -> None:
    columns = ", ".join(values)
    with connection.cursor() as cursor:
        marks = ", ".join(["%s"] * len(values))
        cursor.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", list(values.values()))


def test_workers_of_the_first_version_go_on() -> None:
    now = timezone.now()
    insert("chat_room", name="", label="tea", last_seq=1, created=now)
    room = Room.objects.get()
    assert (room.topic, room.locked, room.pruned_seq) == ("", False, 0)
    insert("chat_message", room_id=room.pk, handle="ada", message="hi", timestamp=now, seq=1, identity="c:1")
    message = Message.objects.get()
    assert (message.person, message.deleted) == ("", False)
    names = {"reply_channel": "i!1", "interface": "i", "person": "u:1", "handle": ""}
    insert("chat_connection", room_id=room.pk, since=now, **names)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE chat_connection SET handle = 'ada' WHERE reply_channel = 'i!1'")
    assert Connection.objects.get().member is None


def test_the_migrations_are_those_of_the_models() -> None:
    call_command("makemigrations", "chat", check=True, dry_run=True, stdout=StringIO())
