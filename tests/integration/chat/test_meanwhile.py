"""What changes between two statements of a batch: a room is deleted while somebody speaks in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from chat import broadcast
from chat.models import Message, Room
from switchboard.events import Reply
from tests.integration.chat.sockets import hello, tab
from tests.integration.chat.test_cost import run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_layer")]


class Before:
    """Does something before the first statement that has these words."""

    def __init__(self, words: str, act: Callable[[], object]) -> None:
        self.words = words
        self.act: Callable[[], object] | None = act

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if self.act is not None and self.words in sql:
            act, self.act = self.act, None
            act()
        return execute(sql, params, many, context)


@pytest.mark.parametrize("made_anew", [False, True])
def test_a_room_that_is_deleted_is_not_made_again_by_what_was_being_said_in_it(made_anew: bool) -> None:
    """It would have the same link, nobody with its keys, and a message that nobody sees."""
    clients = [tab(f"browser-{n}", f"/chat/room-{n}/") for n in range(2)]
    for n, client in enumerate(clients):
        hello(client, f"someone {n}")

    def delete() -> None:
        Room.objects.get(label="room-0").delete()
        if made_anew:
            Room.objects.create(label="room-0")

    with connection.execute_wrapper(Before("WHERE label IN", delete)):
        gone, other = run(clients, lambda n: {"t": "msg", "cid": f"c-{n}", "body": f"text {n}"})

    assert gone.outputs == [Reply(clients[0].reply_channel, {"close": broadcast.ROOM_DELETED})]
    assert Room.objects.filter(label="room-0").exists() is made_anew
    assert Message.objects.get().room.label == "room-1"
    [answer] = [output for output in other.outputs if isinstance(output, Reply)]
    assert json.loads(answer.content["text"])["t"] == "ack"
