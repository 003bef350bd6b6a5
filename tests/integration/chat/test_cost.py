"""What messages cost, in numbers that do not depend on the machine: queries, and how they grow with a batch."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat import storing
from chat.consumers import connect_page, disconnect
from chat.models import Message as Row
from chat.protocol import Post
from chat.receiving import receive
from chat.storing import Knock, Posted
from switchboard import Message
from switchboard.events import Envelope, GroupMessage
from switchboard.outbox import NoOutbox, Outbox, collecting
from switchboard.testing.client import WSClient
from tests.integration.chat.conftest import visitor
from tests.integration.chat.sockets import hello, tab

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_layer")]

#: Lock the rooms, look the identities up, insert, count. (The tests run inside a transaction, so BEGIN and COMMIT are a
#: savepoint here, and two more.)
STORING = 4 + 2
#: Besides, in the consumer: who sits at the sockets. The limits, off in tests, are two more.
SEATS = 1


def knocks(number: int, *, rooms: int) -> list[Knock]:
    return [Knock(f"room-{n % rooms}", Post("ada", f"text {n}"), f"c:{n}") for n in range(number)]


@pytest.mark.parametrize(("number", "rooms"), [(1, 1), (50, 1), (50, 50)])
def test_a_batch_costs_the_queries_of_one_message(number: int, rooms: int) -> None:
    for n in range(rooms):
        storing.ensure_room(f"room-{n}")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        answers = storing.store(knocks(number, rooms=rooms))
    assert all(isinstance(answer, Posted) for answer in answers) and Row.objects.count() == number
    assert len(queries) == STORING, "\n".join(query["sql"] for query in queries)


def run(
    clients: Sequence[WSClient],
    frame: Callable[[int], dict[str, Any]] = lambda n: {},
    *,
    channel: str = "websocket.receive",
    consumer: Callable[[Sequence[Message]], None] = receive,
) -> Sequence[Outbox]:
    """What a consumer sends for a batch of one message of each client, called as a worker calls it, in this thread.

    ``frame`` is what it says, or what a connect has in its content.
    """
    messages = []
    for number, client in enumerate(clients):
        said = {"text": json.dumps(frame(number))} if channel == "websocket.receive" else frame(number)
        content = {"reply_channel": client.reply_channel, **said}
        session = dict(client.channel_session)
        envelope = Envelope(channel, f"id-{number}", content, client.reply_channel, 9, session)
        message = Message.from_envelope(envelope, client.layer)
        message.kwargs = {"label": f"room-{number}"}
        message.outbox = Outbox(client.layer)
        messages.append(message)
    with collecting(NoOutbox(clients[0].layer)):
        consumer(messages)
    return [message.outbox for message in messages if message.outbox is not None]


@pytest.mark.parametrize("number", [1, 12])
def test_so_it_does_at_the_door_and_each_has_its_own_outputs(number: int) -> None:
    clients = [tab(f"browser-{n}", f"/chat/room-{n}/") for n in range(number)]
    for n, client in enumerate(clients):
        hello(client, f"someone {n}")
    with CaptureQueriesContext(connection) as queries:
        outboxes = run(clients, lambda n: {"t": "msg", "cid": f"c-{n}", "body": f"text {n}"})
    assert len(queries) == STORING + SEATS, "\n".join(query["sql"] for query in queries)
    for n, outbox in enumerate(outboxes):
        told = [output for output in outbox.outputs if isinstance(output, GroupMessage)]
        assert {output.group.split(".")[1] for output in told} == {f"room-{n}"}
        assert all(f"text {n}" in output.content["text"] for output in told)


def queries(run: Callable[[], object]) -> Sequence[str]:
    with CaptureQueriesContext(connection) as queries:
        run()
    return [query["sql"] for query in queries]


def test_everybody_who_comes_back_costs_the_queries_of_one() -> None:
    """After a restart of an interface, all of its sockets connect and say hello at once, and the old ones are gone."""

    def coming_back(number: int) -> list[int]:
        clients = [tab(f"browser-{number}-{n}", f"/chat/room-{n}/") for n in range(number)]
        headers = [visitor(f"browser-{number}-{n}") for n in range(number)]
        offered = ["switchboard.v1"]
        connect = queries(
            lambda: run(
                clients,
                lambda n: {"path": f"/chat/room-{n}/", "headers": headers[n], "subprotocols": offered},
                channel="websocket.connect",
                consumer=connect_page,
            )
        )
        greet = queries(lambda: run(clients, lambda n: {"t": "hello", "last": 0, "handle": f"someone {number} {n}"}))
        leave = queries(lambda: run(clients, channel="websocket.disconnect", consumer=disconnect))
        return [len(connect), len(greet), len(leave)]

    for n in range(12):
        storing.ensure_room(f"room-{n}")
    assert coming_back(12) == coming_back(1)


@pytest.mark.parametrize("frame", [{"t": "handle"}, {"t": "msg", "body": "hi"}])
def test_so_do_those_who_are_called_otherwise(frame: dict[str, Any]) -> None:
    def renaming(number: int) -> int:
        clients = [tab(f"browser-{number}-{n}", f"/chat/room-{n}/") for n in range(number)]
        for n, client in enumerate(clients):
            hello(client, f"someone {number} {n}")
        new = {**frame, "cid": f"c{number}"}
        return len(queries(lambda: run(clients, lambda n: {**new, "handle": f"another {number} {n}"})))

    for n in range(12):
        storing.ensure_room(f"room-{n}")
    assert renaming(12) == renaming(1)
