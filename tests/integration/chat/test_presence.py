"""Which sockets are in a room, whatever comes late, twice or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from channels.layers import channel_layers
from django.contrib.auth.models import AnonymousUser, User

from chat import presence, services
from chat.models import Connection, Room
from switchboard.testing.client import WSClient

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _own_layer() -> Iterator[None]:
    channel_layers.backends.clear()
    yield
    channel_layers.backends.clear()


def connected(**options: Any) -> WSClient:
    client = WSClient("/chat/tea/", **options)
    client.connect()
    return client


def present() -> set[str]:
    return set(Connection.objects.values_list("reply_channel", flat=True))


def test_a_socket_is_there_from_its_connect_to_its_disconnect() -> None:
    ada, bob = connected(), connected()
    row = Connection.objects.get(reply_channel=ada.reply_channel)
    assert (row.room.label, row.interface, row.handle) == ("tea", ada.reply_channel.partition("!")[0], "")
    assert present() == {ada.reply_channel, bob.reply_channel}
    ada.disconnect()
    assert present() == {bob.reply_channel}


def test_a_late_disconnect_does_not_remove_who_is_back() -> None:
    ada = User.objects.create_user("ada")
    lost = connected(user=ada)
    back = connected(user=ada)
    assert len(set(Connection.objects.values_list("person", flat=True))) == 1
    lost.disconnect(1006)
    assert present() == {back.reply_channel}


def test_a_disconnect_that_is_reported_twice_or_of_nobody_is_harmless() -> None:
    ada, stranger = connected(), WSClient("/chat/tea/")
    stranger.disconnect(1006)
    presence.leave(stranger.reply_channel)
    assert present() == {ada.reply_channel}
    ada.disconnect()
    presence.leave(ada.reply_channel)
    assert present() == set()


def test_a_socket_without_a_room_is_nowhere() -> None:
    client = WSClient("/chat/new/")
    client.connect()
    assert present() == set()
    client.disconnect(4404)


def test_the_handle_is_the_one_used_last() -> None:
    client = connected()
    for handle in ("ada", "ada", "countess"):
        client.text(json.dumps({"handle": handle, "message": "hi"}))
        assert Connection.objects.get().handle == handle


def test_a_connect_that_is_handled_again_changes_nothing() -> None:
    room = services.ensure_room("tea")
    presence.arrive(room, "interface.a!1", "u:1")
    presence.call("interface.a!1", "ada")
    presence.arrive(room, "interface.a!1", "u:1")
    assert Connection.objects.get().handle == "ada"


def test_the_rows_go_with_their_room() -> None:
    connected()
    Room.objects.all().delete()
    assert present() == set()


def test_what_makes_two_sockets_one_person() -> None:
    ada, nobody = User.objects.create_user("ada"), AnonymousUser()
    one, two = "interface.a!1", "interface.a!2"
    assert presence.person_of(ada, "k", one) == presence.person_of(ada, None, two)
    assert presence.person_of(nobody, "k", one) == presence.person_of(nobody, "k", two)
    assert presence.person_of(nobody, None, one) != presence.person_of(nobody, None, two)
    secret = "a-session-key"
    person = presence.person_of(nobody, secret, one)
    assert secret not in person and len(person) <= 100
