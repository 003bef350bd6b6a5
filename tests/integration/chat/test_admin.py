"""The admin writes what was changed in its form, and nothing that the room changed meanwhile."""

from __future__ import annotations

from typing import Any

import django.test
import pytest

from chat import moderation, services
from chat.admin import MessageAdmin, RoomAdmin
from chat.models import Message, Room
from chat.protocol import Post

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_layer")]


def meanwhile(monkeypatch: pytest.MonkeyPatch, admin: Any, happens: Any) -> None:
    """Let something happen after the admin has read the row that it saves."""
    read = admin.get_object

    def get_object(self: Any, *arguments: Any) -> Any:
        found = read(self, *arguments)
        happens()
        return found

    monkeypatch.setattr(admin, "get_object", get_object)


def test_a_rooms_number_is_not_set_back(admin_client: django.test.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room.objects.create(label="tea")
    meanwhile(monkeypatch, RoomAdmin, lambda: services.post("tea", Post("ada", "hello"), identity="c:1"))
    fields = {"name": "Tea", "label": "tea", "topic": "Green or black"}
    assert admin_client.post(f"/admin/chat/room/{room.pk}/change/", fields).status_code == 302
    room.refresh_from_db()
    assert (room.name, room.topic, room.last_seq) == ("Tea", "Green or black", 1)
    services.post("tea", Post("ada", "and again"), identity="c:2")
    assert list(Message.objects.order_by("seq").values_list("seq", flat=True)) == [1, 2]


def test_a_deleted_message_stays_deleted(admin_client: django.test.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    services.post("tea", Post("ada", "hello"), identity="c:1")
    message = Message.objects.get()
    meanwhile(monkeypatch, MessageAdmin, lambda: moderation.bury(Message.objects.get()))
    moment = {"timestamp_0": "2026-02-20", "timestamp_1": "19:48:00"}
    fields = {"handle": "ada", "message": "hello", "user": ""} | moment
    assert admin_client.post(f"/admin/chat/message/{message.pk}/change/", fields).status_code == 302
    message.refresh_from_db()
    assert (message.deleted, message.message, message.handle) == (True, "", "")
