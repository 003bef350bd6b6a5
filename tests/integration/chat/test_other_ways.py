"""What reaches a room's sockets by other ways than a socket, and what is no socket at all."""

from __future__ import annotations

import json

import django.test
import pytest
from django.db import transaction

from chat.models import Message, Room
from switchboard.testing.client import HttpClient
from tests.integration.chat.sockets import classic, lines, send, v1

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_layer")]


def test_what_is_saved_elsewhere_reaches_the_room() -> None:
    client = classic()
    Message.objects.create(room=Room.objects.get(), handle="bot", message="from a shell")
    assert [frame["message"] for frame in lines(client)] == ["from a shell"]


def test_what_is_added_in_the_admin_reaches_the_room(admin_client: django.test.Client) -> None:
    client = v1()
    fields = {"room": Room.objects.get().pk, "handle": "host", "message": "Welcome", "user": ""}
    moment = {"timestamp_0": "2026-02-20", "timestamp_1": "19:48:00"}
    assert admin_client.post("/admin/chat/message/add/", fields | moment).status_code == 302
    [said] = lines(client)
    assert (said["seq"], said["handle"], said["body"], said["at"]) == (1, "host", "Welcome", "2026-02-20T19:48:00.000Z")


def test_what_a_form_posts_reaches_the_room(client: django.test.Client) -> None:
    socket = classic()
    cid = "3f0c8a52-1d5e-4a55-9c3a-0d7f6a1b2c3d"
    assert client.post("/chat/tea/", {"handle": "ada", "body": "by form", "cid": cid}).status_code == 302
    assert [frame["message"] for frame in lines(socket)] == ["by form"]


def test_a_deleted_room_parts() -> None:
    """Its successor counts from 1 again, so nobody may go on with the numbers of the old one."""
    old = [v1(), classic("/ws/chat/tea/")]
    for n in range(3):
        send(old[1], message=f"m{n}")
    with transaction.atomic():
        Room.objects.all().delete()
        assert {"close": 4410} not in old[0].received()
    assert old[1].received()[-1] == {"close": 4410}
    assert old[0].received() == [{"close": 4410}]
    back = v1()
    send(back, t="hello", last=3)
    [welcome] = lines(back)
    assert (welcome["seq"], welcome["reset"], welcome["missed"]) == (0, True, [])


def test_health() -> None:
    response = HttpClient().request("GET", "/healthz")
    assert response["status"] == 200
    assert json.loads(response["content"]) == {"status": "ok", "database": True}


def test_the_pages_come_by_the_same_way() -> None:
    response = HttpClient().request("GET", "/")
    assert response["status"] == 200 and b"Create new chat room" in response["content"]
