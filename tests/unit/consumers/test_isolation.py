"""Each consumer and view begins with Django's defaults, whatever ran before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction
from django.urls import get_script_prefix, get_urlconf, set_script_prefix, set_urlconf
from django.utils import timezone, translation

from switchboard import Message, on_error, route
from switchboard.events import Ack, Reply
from switchboard.isolation import isolate, run_isolated
from switchboard.layers.memory import MemoryLayer
from switchboard.routing import Router
from switchboard.testing.client import Client, HttpClient
from tests.unit.worker.conftest import INTERFACE, SOCKET, Scene

DEFAULTS = {"language": "en", "time zone": "UTC", "urlconf": None, "prefix": "/"}


@pytest.fixture
async def scene() -> Scene:
    scene = Scene()
    await scene.layer.open_inbox(INTERFACE)
    return scene


def change(
    language: str = "ko", time_zone: str = "Asia/Seoul", urlconf: str = "chat.urls", prefix: str = "/a/"
) -> None:
    translation.activate(language)
    timezone.activate(time_zone)
    set_urlconf(urlconf)
    set_script_prefix(prefix)


def change_otherwise() -> None:
    change("fr", "Europe/Paris", "project.urls", "/b/")


def state() -> dict[str, str | None]:
    return {
        "language": translation.get_language(),
        "time zone": timezone.get_current_timezone_name(),
        "urlconf": get_urlconf(),
        "prefix": get_script_prefix(),
    }


def sync_consumer(seen: list[Any]) -> Callable[[Message], None]:
    def consumer(message: Message) -> None:
        seen.append(state())
        change()

    return consumer


def async_consumer(seen: list[Any]) -> Callable[[Message], Any]:
    async def consumer(message: Message) -> None:
        seen.append(state())
        change()

    return consumer


KINDS = pytest.mark.parametrize("kind", [sync_consumer, async_consumer])


@KINDS
def test_what_the_calling_thread_is_in_does_not_reach_a_consumer(kind: Callable[..., Any]) -> None:
    seen: list[Any] = []
    change_otherwise()
    before = state()
    client = Client(layer=MemoryLayer(), router=Router([route("websocket.receive", kind(seen))]))
    client.send_and_consume("websocket.receive")
    assert seen == [DEFAULTS]
    assert state() == before, "the caller keeps its own"


@KINDS
async def test_what_one_consumer_leaves_does_not_reach_the_next(scene: Scene, kind: Callable[..., Any]) -> None:
    seen: list[Any] = []
    async with scene.worker(kind(seen), threads=1):
        for socket in "xy":
            await scene.enqueue(0, f"{INTERFACE}!{socket}")
        await scene.expect(Ack(f"{INTERFACE}!x", 0), Ack(f"{INTERFACE}!y", 0))
    assert seen == [DEFAULTS, DEFAULTS]


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_what_a_consumer_leaves_does_not_reach_its_error_hook(scene: Scene, kind: str) -> None:
    seen: list[Any] = []

    def hook(message: Message, error: Exception) -> None:
        seen.append(state())
        message.reply_channel.send({"text": "sorry"})  # type: ignore[union-attr]

    async def ahook(message: Message, error: Exception) -> None:
        hook(message, error)

    def fail(message: Message) -> None:
        change()
        raise ZeroDivisionError

    async def afail(message: Message) -> None:
        fail(message)

    consumer = on_error(hook)(fail) if kind == "sync" else on_error(ahook)(afail)
    async with scene.worker(consumer):
        await scene.enqueue(0)
        await scene.expect(Reply(SOCKET, {"text": "sorry"}), Ack(SOCKET, 0))
    assert seen == [DEFAULTS]


@KINDS
async def test_nothing_gets_in_from_the_context_of_the_caller_nor_out_into_it(kind: Callable[..., Any]) -> None:
    seen: list[Any] = []
    consumer, message = kind(seen), Message({}, "chat.log", MemoryLayer())
    change_otherwise()
    before = state()
    if iscoroutinefunction(consumer):
        await run_isolated(consumer, message)
    else:
        isolate(consumer, message)()
    assert seen == [DEFAULTS]
    assert state() == before


@pytest.mark.django_db
def test_a_view_in_another_language_changes_nothing_for_what_runs_next() -> None:
    seen: list[Any] = []
    layer, router = MemoryLayer(), Router([route("chat.log", sync_consumer(seen))])
    page = HttpClient(layer=layer, router=router).request("GET", "/", headers=[(b"accept-language", b"ko")])
    assert [b"Content-Language", b"ko"] in page["headers"]
    assert translation.get_language() == "en"
    Client(layer=layer, router=router).send_and_consume("chat.log")
    assert seen == [DEFAULTS]
