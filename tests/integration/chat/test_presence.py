"""Which sockets are in a room, whatever comes late, twice or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from django.contrib.auth.models import User

from chat import claims, consumers, people, presence, services
from chat.identity import Who
from chat.models import Connection, Member, Room
from switchboard.names import interface_of
from switchboard.testing.client import Client, WSClient
from tests.integration.chat.conftest import visitor

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_layer")]


def connected(**options: Any) -> WSClient:
    client = WSClient("/chat/tea/", **options)
    client.connect()
    return client


def present() -> set[str]:
    return set(Connection.objects.values_list("reply_channel", flat=True))


def test_a_socket_is_there_from_its_connect_to_its_disconnect() -> None:
    ada, bob = connected(), connected()
    row = Connection.objects.get(reply_channel=ada.reply_channel)
    assert (row.room.label, row.interface, row.dialect) == ("tea", ada.reply_channel.partition("!")[0], "classic")
    assert present() == {ada.reply_channel, bob.reply_channel}
    ada.disconnect()
    assert present() == {bob.reply_channel}


def test_a_late_disconnect_does_not_remove_who_is_back() -> None:
    ada = User.objects.create_user("ada")
    lost = connected(user=ada)
    back = connected(user=ada)
    assert Member.objects.get().connections.count() == 2
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
        assert Member.objects.get().handle == handle


def test_a_connect_that_is_handled_again_changes_nothing() -> None:
    room = services.ensure_room("tea")
    for _ in range(2):
        member = people.enter(room, Who(("b:1",)))
        presence.arrive(member, "interface.a!1")
        claims.claim(member, "ada")
    assert Connection.objects.get().member == Member.objects.get(handle="ada")


def test_sockets_that_nobody_reports_are_there_until_somebody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = [connected(headers=visitor(f"v{number}")) for number in range(5)]
    stays = connected(headers=visitor("bob"))
    asked: list[set[str]] = []

    def dead(interfaces: Iterable[str]) -> set[str]:
        asked.append(set(interfaces))
        return asked[-1] - {interface_of(stays.reply_channel)}

    monkeypatch.setattr(presence, "dead_interfaces", dead)
    monkeypatch.setattr(consumers, "MAX_RECONCILED", 2)
    worker = Client()
    worker.send_and_consume("websocket.reconcile")
    assert present() == {client.reply_channel for client in [*lost[2:], stays]}, "some at a time"
    while worker.consume("websocket.reconcile", fail_on_none=False):
        pass
    assert present() == {stays.reply_channel}
    assert [len(interfaces) for interfaces in asked] == [6, 4, 2]


def test_where_no_interface_is_known_to_be_dead_nothing_happens() -> None:
    ada = connected()
    Client().send_and_consume("websocket.reconcile")
    assert present() == {ada.reply_channel}


def test_the_rows_go_with_their_room() -> None:
    connected()
    Room.objects.all().delete()
    assert present() == set()


def test_of_whom_nothing_is_to_be_remembered_nothing_is_kept() -> None:
    """Old clients and readers come and go by the thousand; who has a handle by their browser has it again next time."""
    passing, reader, ada = connected(), connected(headers=visitor("reader")), connected(headers=visitor("ada"))
    for client in (passing, ada):
        client.text(json.dumps({"handle": client.reply_channel[-10:], "message": "hi"}))
    for client in (passing, reader, ada):
        client.disconnect()
    assert [member.handle for member in Member.objects.all()] == [ada.reply_channel[-10:]]
    assert not Member.objects.filter(here=True).exists()
