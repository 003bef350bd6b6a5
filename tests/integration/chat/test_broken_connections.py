"""A database connection that breaks, as at a restart of the database, and the async consumers that come after.

A coroutine uses the database in the one thread of ``sync_to_async``, in which no request ever ends.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.db import connections

from switchboard import Message, http_session_user
from switchboard.events import Ack
from switchboard.testing.client import login_keys
from switchboard.testing.waiting import await_until
from tests.unit.worker.conftest import INTERFACE, Scene

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    scene = Scene()
    await scene.layer.open_inbox(INTERFACE)
    yield scene
    await sync_to_async(_mend_connection)()


def _mend_connection() -> None:
    vars(connections["default"]).pop("is_usable", None)
    connections.close_all()


@sync_to_async
def break_connection(*, health_checks: bool = False) -> None:
    """End the connection of the thread of ``sync_to_async`` from the server's side, just after its health was checked.

    ``health_checks``: as if ``CONN_HEALTH_CHECKS`` were set.
    """
    connection = connections["default"]
    connection.ensure_connection()
    vars(connection).update(health_check_enabled=health_checks, health_check_done=True)
    if connection.vendor == "postgresql":
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.connection.info.backend_pid])
        other.close()
    else:
        # SQLite has no server, so close the connection below Django, and let it look as the client of a server would.
        connection.connection.close()
        connection.is_usable = lambda: False  # type: ignore[method-assign]


def login(user: User) -> list[list[bytes]]:
    """Return the headers of a browser in which the user is logged in."""
    session = SessionStore()
    session.update(login_keys(user))
    session.save()
    return [[b"cookie", f"{settings.SESSION_COOKIE_NAME}={session.session_key}".encode()]]


async def run(scene: Scene, socket: str, **content: Any) -> None:
    """Run the consumer for a new socket, to its end."""
    name = f"{INTERFACE}!{socket}"
    await scene.enqueue(0, name, **content)

    async def acknowledged() -> bool:
        return any(isinstance(event, Ack) and event.channel == name for event in await scene.events())

    await await_until(acknowledged, "the acknowledgement")


async def test_the_user_of_an_async_consumer_is_found_after_its_connection_broke(scene: Scene) -> None:
    seen: list[str] = []

    @http_session_user
    async def consumer(message: Message) -> None:
        seen.append(message.user.get_username())

    headers = await sync_to_async(login)(await User.objects.acreate(username="ada"))
    async with scene.worker(consumer):
        await run(scene, "x", headers=headers)
        await break_connection(health_checks=True)
        await run(scene, "y", headers=headers)
    assert seen == ["ada", "ada"]


async def test_without_health_checks_one_run_notices_and_the_next_has_another_connection(scene: Scene) -> None:
    seen: list[str] = []

    @http_session_user
    async def consumer(message: Message) -> None:
        seen.append(message["path"])

    headers = await sync_to_async(login)(await User.objects.acreate(username="ada"))
    async with scene.worker(consumer):
        await break_connection()
        await run(scene, "x", headers=headers, path="first")
        await run(scene, "y", headers=headers, path="second")
    assert seen[-1:] == ["second"]


async def test_an_async_consumer_that_asks_the_database_itself_recovers_too(scene: Scene) -> None:
    seen: list[str] = []

    async def consumer(message: Message) -> None:
        await User.objects.aget(username="ada")
        seen.append(message["path"])

    await User.objects.acreate(username="ada")
    async with scene.worker(consumer):
        await break_connection()
        await run(scene, "x", path="first")
        await run(scene, "y", path="second")
    assert seen[-1:] == ["second"]


async def test_a_connection_that_must_not_last_is_closed_after_the_session_was_saved(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    @http_session_user
    async def consumer(message: Message) -> None:
        message.http_session["visits"] = 1  # type: ignore[index]

    headers = await sync_to_async(login)(await User.objects.acreate(username="ada"))
    await sync_to_async(connections.close_all)()
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    async with scene.worker(consumer):
        await run(scene, "x", headers=headers)
    assert await sync_to_async(lambda: connections["default"].connection)() is None
