"""Errors of a real PostgreSQL in a worker: a statement that takes too long fails, a killed backend is not noticed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, connections

from switchboard import Message, batch, route
from switchboard.events import Ack
from switchboard.testing.waiting import await_until
from switchboard.worker.database_errors import DatabaseProbe, database_of, error_code
from tests.unit.worker.conftest import INTERFACE, Scene

RECEIVE = "websocket.receive"

pytestmark = pytest.mark.postgres


@pytest.fixture
def database(postgresql: str, django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The alias of a PostgreSQL, of which no thread keeps a connection."""
    server = {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "postgres", "HOST": postgresql}
    configured = connections.configure_settings({"default": server})["default"]
    monkeypatch.setitem(connections.settings, "postgres", configured)
    with django_db_blocker.unblock():
        try:
            yield "postgres"
        finally:
            connections["postgres"].close()
            del connections["postgres"]


@pytest.fixture
async def scene() -> Scene:
    scene = Scene()
    await scene.layer.open_inbox(INTERFACE)
    return scene


def execute(database: str, *statements: str) -> Any:
    with connections[database].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchone()


def kill(database: str, backend: int) -> bool:
    try:
        return bool(execute(database, f"SELECT pg_terminate_backend({backend})")[0])
    finally:
        connections[database].close()


async def outcomes(scene: Scene, *texts: str) -> list[bool]:
    """Send each text from a socket of its own; whether it failed, once all are acknowledged."""
    names = [f"{INTERFACE}!s{number}" for number in range(len(texts))]
    for name, text in zip(names, texts, strict=True):
        await scene.enqueue(0, name)
        await scene.enqueue(0, name, text=text)

    async def acked() -> dict[str, bool] | None:
        acks = {event.channel: event.failed for event in await scene.events() if isinstance(event, Ack)}
        return acks if len(acks) == len(names) else None

    found = await await_until(acked, "all acknowledged")
    assert found is not None
    return [found[name] for name in names]


async def test_a_statement_that_takes_too_long_fails_its_message_and_no_other(scene: Scene, database: str) -> None:
    batches: list[int] = []

    def wait(messages: list[Message]) -> None:
        batches.append(len(messages))
        for message in messages:
            seconds = 60 if message.id.startswith(f"{INTERFACE}!s1/") else 0
            execute(database, "SET statement_timeout = 100", f"SELECT pg_sleep({seconds})")

    async with scene.worker(routes=[route("websocket.connect", batch(wait))]):
        assert await outcomes(scene, "a", "b", "c") == [False, True, False]
    assert sum(batches) <= 6, "each ran once together and once by itself, at most"


async def test_a_backend_that_is_killed_fails_nothing(scene: Scene, database: str) -> None:
    backends: list[int] = []

    def store(message: Message) -> None:
        backends.append(execute(database, "SELECT pg_backend_pid()")[0])
        execute(database, f"SELECT pg_sleep({60 if len(backends) == 1 else 0})")

    async with scene.worker(routes=[route("websocket.connect", store)]):
        await scene.enqueue(0, f"{INTERFACE}!s0")
        await await_until(lambda: backends, "the consumer to begin")

        assert await asyncio.to_thread(kill, database, backends[0])
        assert await outcomes(scene, "a") == [False]
    assert len({*backends}) == 2


def test_the_codes_of_psycopg(database: str) -> None:
    with pytest.raises(OperationalError) as cancelled:
        execute(database, "SET statement_timeout = 1", "SELECT pg_sleep(60)")
    assert (database_of(cancelled.value), error_code(cancelled.value)) == ("postgres", "57014")
    with pytest.raises(OperationalError) as killed:
        execute(database, "SELECT pg_terminate_backend(pg_backend_pid())")
    assert error_code(killed.value) == "57P01"


async def test_a_probe_of_it(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await DatabaseProbe()(database)
    monkeypatch.setitem(connections.settings[database], "HOST", "/nowhere")
    assert not await DatabaseProbe()(database)
