"""An interface asks for what its members missed, and is answered from the database."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.db import transaction

from chat import broadcast, repair, services
from chat.dialects import DIALECTS
from chat.models import Message, Room
from chat.protocol import Post
from switchboard import Group
from switchboard.testing.client import Client, WSClient

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_layer")]


def ask(group: object, after: object) -> dict[str, Any] | None:
    client = Client()
    client.send_and_consume("group.repair", {"group": group, "after": after})
    return client.receive()


def post(count: int, body: str = "m", *, label: str = "tea") -> None:
    for n in range(1, count + 1):
        services.post(label, Post("ada", f"{body}{n}"), identity=f"c:{body[:9]}{n}")


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda dialect: dialect.name)
def test_the_answer_is_what_was_broadcast(dialect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[list[object]] = []

    class Heard:
        def __init__(self, name: str) -> None:
            self.name = name

        def send(self, content: dict[str, str], *, seq: int) -> None:
            if self.name == broadcast.group_name("tea", dialect):
                sent.append([seq, content])

    with transaction.atomic():
        broadcast.learn(services.ensure_room("tea"), dialect)
    with monkeypatch.context() as patch:
        patch.setattr(broadcast, "Group", Heard)
        post(4)
    assert len(sent) == 4
    assert ask(broadcast.group_name("tea", dialect), 2) == {"rows": sent[2:], "upto": 4}
    assert ask(broadcast.group_name("tea", dialect), 0) == {"rows": sent, "upto": 4}
    assert ask(broadcast.group_name("tea", dialect), 4) == {"rows": [], "upto": 4}


def test_a_deleted_message_is_decided() -> None:
    post(4)
    Message.objects.filter(seq__in=(2, 4)).delete()
    answer = ask("chat.tea.v1", 0)
    assert answer is not None
    assert [seq for seq, _ in answer["rows"]] == [1, 3] and answer["upto"] == 4


def everything(group: str) -> tuple[list[int], int]:
    """Ask until nothing more comes, as an interface does; the numbers, and in how many answers they came."""
    numbers: list[int] = []
    after = answers = 0
    while answer := ask(group, after):
        numbers += [seq for seq, _ in answer["rows"]]
        if answer["upto"] == after:
            break
        after, answers = answer["upto"], answers + 1
    return numbers, answers


def test_many_come_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    post(10)
    monkeypatch.setattr(repair, "ROWS", 4)
    assert everything("chat.tea.v1") == (list(range(1, 11)), 3)


def test_so_do_long_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    post(5, "x" * 1_000)
    frame = DIALECTS["v1"].line(Message.objects.get(seq=5).as_line())
    assert frame is not None
    monkeypatch.setattr(repair, "ROWS_BYTES", 2 * len(frame.encode()))
    assert everything("chat.tea.v1") == ([1, 2, 3, 4, 5], 3)


def test_one_that_is_longer_than_an_answer_may_be_comes_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    post(3)
    monkeypatch.setattr(repair, "ROWS_BYTES", 1)
    assert everything("chat.tea.v1") == ([1, 2, 3], 3)


def test_a_number_beyond_the_last_is_not_taken_back() -> None:
    Room.objects.create(label="tea")
    assert ask("chat.tea.v1", 7) == {"rows": [], "upto": 7}
    assert ask("chat.no-such-room.v1", 7) == {"rows": [], "upto": 7}


@pytest.mark.parametrize("group", ["lobby", "chat.tea", "chat.tea.morse", "chat.tea.v1.more", "other.tea.v1"])
def test_a_group_of_somebody_else(group: str, caplog: pytest.LogCaptureFixture) -> None:
    post(1)
    with caplog.at_level(logging.WARNING, "chat.repair"):
        assert ask(group, 0) == {"rows": [], "upto": 0}
    assert group in caplog.text


@pytest.mark.parametrize(("group", "after"), [(None, 0), ("chat.tea.v1", "0")])
def test_what_is_no_request_is_logged(group: object, after: object, caplog: pytest.LogCaptureFixture) -> None:
    assert ask(group, after) is None
    assert "not a request" in caplog.text


def test_who_connects_gets_all_that_is_stored_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The base of a member is the room's count when it connected, so what is stored before it joins is a gap."""
    joined: list[tuple[str, int]] = []
    add = Group.add

    def watched(group: Any, channel: Any, *, seq: int) -> None:
        joined.append((group.name, seq))
        add(group, channel, seq=seq)

    monkeypatch.setattr(Group, "add", watched)
    WSClient("/chat/tea/").connect()
    post(3)
    WSClient("/chat/tea/").connect()
    assert joined == [("chat.tea.classic", 0), ("chat.tea.classic", 3)]
