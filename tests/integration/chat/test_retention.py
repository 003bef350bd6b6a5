"""What is removed for its age, and what stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from chat import people, repair, retention, services
from chat.identity import Who
from chat.models import Allowance, Ban, Connection, Member, Message, Room
from chat.protocol import Post

pytestmark = pytest.mark.django_db

LONG_AGO = timezone.now() - timedelta(days=31)


@pytest.fixture(autouse=True)
def _thirty_days(settings: Settings) -> None:
    settings.CHAT_RETENTION_DAYS = 30


def say(count: int, label: str = "tea") -> None:
    for _ in range(count):
        n = Message.objects.count()
        services.post(label, Post("ada", f"m{n}"), identity=f"c:{n}")


def grow_old(*, upto: int, label: str = "tea") -> None:
    Message.objects.filter(room__label=label, seq__lte=upto).update(timestamp=LONG_AGO)


def test_old_messages_go_and_the_numbers_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    say(10)
    grow_old(upto=7)
    assert retention.prune().messages == 7
    assert list(Message.objects.values_list("seq", flat=True)) == [8, 9, 10]
    room = Room.objects.get()
    assert (room.last_seq, room.pruned_seq) == (10, 7)
    say(1)
    assert Room.objects.get().last_seq == 11
    assert retention.prune().messages == 0


def test_who_was_away_for_so_long_begins_anew() -> None:
    say(10)
    grow_old(upto=7)
    retention.prune()
    assert services.missed("tea", 6).reset and not services.missed("tea", 7).reset
    assert [m.seq for m in services.missed("tea", 7).messages] == [8, 9, 10]
    assert repair._after("chat.tea.v1", 3)[1] == 10


def test_none_are_removed_where_they_are_kept_for_ever(settings: Settings) -> None:
    settings.CHAT_RETENTION_DAYS = 0
    say(2)
    grow_old(upto=2)
    Room.objects.update(created=LONG_AGO)
    assert retention.prune().messages == 0 and Message.objects.count() == 2


def test_a_message_with_a_time_of_its_own_does_not_hold_up_the_others() -> None:
    say(3)
    grow_old(upto=3)
    Message.objects.filter(seq=2).update(timestamp=timezone.now())
    assert retention.prune().messages == 2
    assert [m.seq for m in Message.objects.all()] == [2]


def test_rooms_that_nothing_is_left_of_go() -> None:
    for label in ("empty", "said", "young", "visited", "topic", "remembered"):
        services.ensure_room(label)
    say(1, "said")
    Room.objects.exclude(label="young").update(created=LONG_AGO)
    Room.objects.filter(label="topic").update(topic="Tea")
    visited = Room.objects.get(label="visited")
    Connection.objects.create(room=visited, reply_channel="i!1", interface="i")
    people.enter(Room.objects.get(label="remembered"), Who(("b:1",)))
    assert retention.prune().rooms == 1
    assert not Room.objects.filter(label="empty").exists()


def test_people_who_are_long_gone_are_forgotten() -> None:
    room = services.ensure_room("tea")
    members = {name: people.enter(room, Who((f"b:{name}",))) for name in ("gone", "here", "keys", "muted", "banned")}
    Member.objects.update(seen=LONG_AGO)
    for flag in ("keys", "muted", "banned"):
        Member.objects.filter(pk=members[flag].pk).update(**{flag: True})
    Connection.objects.create(room=room, reply_channel="i!1", interface="i", member=members["here"])
    assert retention.prune().members == 1
    assert not Member.objects.filter(pk=members["gone"].pk).exists()


def test_the_command_says_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    Ban.objects.create(network="203.0.113.7", until=LONG_AGO)
    Ban.objects.create(network="203.0.113.8")
    Allowance.objects.create(key="old", full_at=1.0)
    call_command("prune")
    said = capsys.readouterr().out
    assert "1 bans, 1 allowances" in said and Ban.objects.get().network == "203.0.113.8"


def test_a_room_in_which_somebody_speaks_meanwhile_stays() -> None:
    room = Room.objects.create(label="tea", created=LONG_AGO)
    steps: list[str] = []

    def speak_before_the_second_statement(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if steps == ["found"]:
            steps.append("said")
            say(1)
        elif not steps and "NOT EXISTS" in sql.upper() and '"chat_room"' in sql:
            steps.append("found")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(speak_before_the_second_statement):
        assert retention.prune().rooms == 0
    assert steps == ["found", "said"]
    assert Room.objects.get().pk == room.pk and Message.objects.get().seq == 1
