"""What messages cost does not grow with what there is: no statement on their way reads a table from end to end.

SQLite says how it would find the rows of a statement, whether or not there are any; so this needs no large table, and
no time is measured.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat import storing
from chat.consumers import connect_page, disconnect
from switchboard.testing.client import WSClient
from tests.integration.chat.conftest import visitor
from tests.integration.chat.sockets import hello, tab
from tests.integration.chat.test_cost import run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_layer")]

#: A scan of something that is not a table of ours: the rows of a statement itself, or of what it found already.
HARMLESS = re.compile(r"SCAN (\d+ CONSTANT ROWS?|CONSTANT ROW|place|\(subquery-\d+\)|SUBQUERY \d+)")


def scans(statement: str) -> list[str]:
    """The steps of its plan that read a whole table or index."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
        steps = [str(row[3]) for row in cursor.fetchall()]
    return [step for step in steps if step.startswith("SCAN") and not HARMLESS.match(step)]


@pytest.fixture
def clients(settings: Any) -> list[WSClient]:
    """Three people in three rooms, with the limits that a site has."""
    clients = [tab(f"browser-{n}", f"/chat/room-{n}/") for n in range(3)]
    for n, client in enumerate(clients):
        storing.ensure_room(f"room-{n}")
        hello(client, f"someone {n}")
    settings.CHAT_LIMITS = dict.fromkeys(settings.CHAT_LIMITS, "100/s")
    return clients


def shake_hands(clients: list[WSClient]) -> None:
    offered = {"subprotocols": ["switchboard.v1"]}
    run(
        clients,
        lambda n: {"path": f"/chat/room-{n}/", "headers": visitor(f"browser-{n}"), **offered},
        channel="websocket.connect",
        consumer=connect_page,
    )


def say(make: Callable[[int], dict[str, Any]], clients: list[WSClient]) -> None:
    run(clients, make)


ACTS: dict[str, Callable[[list[WSClient]], object]] = {
    "connect": shake_hands,
    "hello": partial(say, lambda n: {"t": "hello", "last": 0, "handle": f"another {n}"}),
    "message": partial(say, lambda n: {"t": "msg", "cid": f"c{n}", "body": "hi"}),
    "handle": partial(say, lambda n: {"t": "handle", "handle": f"called {n}"}),
    "disconnect": partial(run, channel="websocket.disconnect", consumer=disconnect),
}


@pytest.mark.parametrize("act", ACTS)
def test_no_table_is_read_from_end_to_end(act: str, clients: list[WSClient]) -> None:
    with CaptureQueriesContext(connection) as queries:
        ACTS[act](clients)
    asked = [query["sql"] for query in queries if re.match(r"SELECT|WITH|UPDATE|DELETE|INSERT", query["sql"])]
    assert asked
    assert {statement: found for statement in asked if (found := scans(statement))} == {}
