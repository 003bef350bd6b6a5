"""Errors of a real database: which are the consumer's own, and which are waited out."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection, connections

from switchboard import Message, batch, route
from switchboard.events import Ack
from switchboard.testing.waiting import await_until
from switchboard.worker import database_errors
from switchboard.worker.database_errors import DatabaseProbe, RetryPolicy, database_of, error_code
from tests.unit.worker.conftest import INTERFACE, Scene

RECEIVE = "websocket.receive"
#: Longer than SQLite's patterns may be: "LIKE or GLOB pattern too complex".
TOO_COMPLEX = "%" * 60_000

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _short_leases(settings: Any) -> None:
    settings.SWITCHBOARD = {"WORKER_LEASE": 0.4, "MAX_ATTEMPTS": 3}


def look_for(pattern: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'x' LIKE %s", [pattern])


@contextmanager
def locked_database() -> Iterator[None]:
    """Somebody else writes; whoever wants to is told so at once."""
    name = connection.settings_dict["NAME"]
    with closing(sqlite3.connect(name, isolation_level=None, timeout=30, check_same_thread=False)) as database:
        database.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            database.execute("ROLLBACK")


def write_at_once() -> None:
    """A transaction that does not wait for anybody's lock."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 0")
        cursor.execute("BEGIN IMMEDIATE")
        cursor.execute("COMMIT")


def error_of(function: Callable[..., Any], *arguments: Any) -> Exception:
    try:
        function(*arguments)
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


async def have_sent(scene: Scene, *texts: str) -> list[str]:
    names = [f"{INTERFACE}!s{number}" for number in range(len(texts))]
    for name, text in zip(names, texts, strict=True):
        await scene.enqueue(0, name)
        [connect] = await scene.layer.take("worker.0", ["websocket.connect"], count=1, wait=0)
        await scene.layer.commit("worker.0", connect)
        await scene.enqueue(1, name, text=text)
    return names


async def outcomes(scene: Scene, names: list[str]) -> list[bool]:
    """For each socket whether its message failed, once all are acknowledged."""

    async def acked() -> dict[str, bool] | None:
        acks = {e.channel: e.failed for e in await scene.events() if isinstance(e, Ack) and e.order == 1}
        return acks if len(acks) == len(names) else None

    found = await await_until(acked, "all acknowledged", timeout=30)
    assert found is not None
    return [found[name] for name in names]


class Store:
    """A batch consumer that asks the database for each text."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def __call__(self, messages: list[Message]) -> None:
        self.batches.append([message["text"] for message in messages])
        for message in messages:
            look_for(TOO_COMPLEX if message["text"] == "bad" else message["text"])


async def test_a_text_that_the_database_refuses_fails_once_and_alone(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store()
    names = await have_sent(scene, "a", "bad", "c")
    async with scene.worker(routes=[route(RECEIVE, batch(store))]):
        assert await outcomes(scene, names) == [False, True, False]
    assert store.batches[0] == ["a", "bad", "c"] and sorted(store.batches[1:]) == [["a"], ["bad"], ["c"]]
    assert "pattern too complex" in caplog.text


async def test_a_redelivered_one_fails_likewise_and_holds_nobody_up(scene: Scene) -> None:
    store = Store()
    names = await have_sent(scene, "bad", "b")
    await scene.layer.take("worker.dead", [RECEIVE], count=1, wait=0)
    async with scene.worker(routes=[route(RECEIVE, batch(store))]):
        assert await outcomes(scene, names) == [True, False]
    assert sorted(store.batches) == [["b"], ["bad"]]
    assert await scene.layer.dead_letters() == []


async def test_a_syntax_error_and_a_missing_table_are_the_consumers(scene: Scene) -> None:
    def broken(message: Message) -> None:
        with connection.cursor() as cursor:
            cursor.execute(message["text"])

    names = await have_sent(scene, "SELEC 1", "SELECT 1 FROM nowhere")
    async with scene.worker(routes=[route(RECEIVE, broken)]):
        assert await outcomes(scene, names) == [True, True]


async def test_a_lock_is_waited_out(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    tries = []

    def store(message: Message) -> None:
        tries.append(message["text"])
        write_at_once()

    names = await have_sent(scene, "a")
    async with scene.worker(routes=[route(RECEIVE, store)]):
        with locked_database():
            await await_until(lambda: len(tries) >= 3, "some tries")
        assert await outcomes(scene, names) == [False]
    assert "database is locked" in caplog.text


async def test_patience_ends_by_giving_the_message_back_uncounted(
    scene: Scene, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SWITCHBOARD = {"WORKER_LEASE": 0.4, "MAX_ATTEMPTS": 1, "TRANSIENT_RETRY_TIMEOUT": 0.05}
    tries = []

    def store(message: Message) -> None:
        tries.append(message["text"])
        write_at_once()

    def given_back() -> int:
        return caplog.text.count("given back")

    names = await have_sent(scene, "a")
    async with scene.worker(routes=[route(RECEIVE, store)]), scene.worker(routes=[route(RECEIVE, store)]):
        with locked_database():
            # Far more often than it may be attempted; each time it lies there for a lease.
            await await_until(lambda: given_back() >= 4, "given back", timeout=30)
            assert not [event for event in await scene.events() if isinstance(event, Ack) and event.order == 1]
        assert await outcomes(scene, names) == [False]
    assert await scene.layer.dead_letters() == []
    assert len(tries) < 100, "nobody spins"


async def test_what_waits_for_the_database_keeps_nobody_from_running_alone(scene: Scene) -> None:
    """Neither side holds its turn while it only waits for another try."""
    tries = []

    def store(message: Message) -> None:
        tries.append(message["text"])
        if message["text"] != "free":
            write_at_once()

    names = await have_sent(scene, "redelivered", "first", "free")
    await scene.layer.take("worker.dead", [RECEIVE], count=1, wait=0)
    for delivery in await scene.layer.take("worker.slow", [RECEIVE], count=2, wait=0):
        await scene.layer.commit("worker.slow", delivery)
    with locked_database():
        async with scene.worker(routes=[route(RECEIVE, store)]):
            await scene.enqueue(2, names[1], text="first")
            await await_until(lambda: {"redelivered", "first"} <= {*tries}, "both to be tried")
            await scene.enqueue(2, names[2], text="free")

            async def handled() -> bool:
                return Ack(names[2], 2) in await scene.events()

            await await_until(handled, "the one that needs no database")
            assert tries.count("redelivered") > 0 and Ack(names[1], 2) not in await scene.events()


async def test_an_error_without_a_code_is_retried_a_few_times(scene: Scene) -> None:
    """As when a connection breaks and the server is back at once: the next try finds it whole."""
    tries: dict[str, int] = {}

    def store(message: Message) -> None:
        tries[message["text"]] = tries.get(message["text"], 0) + 1
        if message["text"] == "always" or tries[message["text"]] < 3:
            raise OperationalError("server closed the connection unexpectedly")

    names = await have_sent(scene, "twice", "always")
    async with scene.worker(routes=[route(RECEIVE, store)]):
        assert await outcomes(scene, names) == [False, True]
    assert tries == {"twice": 3, "always": 1 + database_errors.MAX_UNEXPLAINED_ERRORS}


# -- by themselves


async def is_transient(error: Exception, *, answers: bool) -> bool:
    async def probe(database: str | None) -> bool:
        return answers

    return await RetryPolicy(probe).is_transient(error)


class DriverError(Exception):
    def __init__(self, **codes: Any) -> None:
        super().__init__("from the driver")
        vars(self).update(codes)


def caused_by(cause: Exception, kind: type[Exception] = OperationalError) -> Exception:
    error = kind("from Django")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "codes",
    [
        {"sqlstate": "08006"},
        {"sqlstate": "40001"},
        {"pgcode": "40P01"},
        {"sqlstate": "53300"},
        {"sqlstate": "55P03"},
        {"pgcode": "57P01"},
        {"sqlite_errorcode": sqlite3.SQLITE_BUSY},
        {"sqlite_errorcode": sqlite3.SQLITE_BUSY_SNAPSHOT},
        {"sqlite_errorcode": sqlite3.SQLITE_LOCKED_SHAREDCACHE},
    ],
    ids=str,
)
async def test_codes_that_say_try_again(codes: dict[str, Any]) -> None:
    assert await is_transient(caused_by(DriverError(**codes)), answers=True)


@pytest.mark.parametrize(
    "codes", [{"sqlstate": "57014"}, {"pgcode": "54001"}, {"sqlite_errorcode": sqlite3.SQLITE_ERROR}], ids=str
)
async def test_other_codes_are_the_consumers_if_the_database_answers(codes: dict[str, Any]) -> None:
    assert not await is_transient(caused_by(DriverError(**codes)), answers=True)
    assert await is_transient(caused_by(DriverError(**codes)), answers=False)
    assert await is_transient(caused_by(DriverError(**codes), InterfaceError), answers=False)


async def test_errors_of_other_kinds_are_the_consumers() -> None:
    assert not await is_transient(ValueError("a bug"), answers=False)
    assert not await is_transient(caused_by(OperationalError("in between"), ValueError), answers=False)


def test_an_error_says_where_it_came_from() -> None:
    error = error_of(look_for, TOO_COMPLEX)
    assert database_of(error) == "default"
    assert error_code(error) == sqlite3.SQLITE_ERROR
    assert database_of(OperationalError("raised by hand")) is None


async def test_a_connection_that_cannot_be_made_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await DatabaseProbe()("default") and await DatabaseProbe()(None)
    with monkeypatch.context() as patched:
        patched.setitem(connections.settings["default"], "NAME", "/nowhere/at/all.sqlite3")
        error = await asyncio.to_thread(error_of, look_for, "x")
        assert isinstance(error, OperationalError) and database_of(error) == "default"
        assert not await DatabaseProbe()("default")
        assert not await DatabaseProbe()(None)
    assert await is_transient(error, answers=True), "it may have come back just now"


async def test_a_probe_that_hangs_does_not_answer_and_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    release, asked = threading.Event(), []

    def hang(database: str) -> bool:
        asked.append(database)
        return release.wait(20)

    monkeypatch.setattr(database_errors, "_answers", hang)
    monkeypatch.setattr(database_errors, "PROBE_TIMEOUT", 0.05)
    probe = DatabaseProbe()
    try:
        assert await asyncio.gather(*(probe("default") for _ in range(5))) == [False] * 5
        assert not await probe("default")
        assert asked == ["default"], "no thread is added to the one that hangs"
    finally:
        release.set()
