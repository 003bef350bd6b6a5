"""Which layer `Channel` and `Group` send on when none is named."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import pytest
from channels.layers import channel_layers

from switchboard import Channel, Group, Message, on_error, route
from switchboard.layers.memory import MemoryLayer
from switchboard.layers.named import get_layer
from switchboard.layers.redis import RedisLayer
from switchboard.routing import Router
from switchboard.testing.client import Client, HttpClient, WSClient


class SlowlyMade(MemoryLayer):
    """A layer that waits while it is made until another thread makes one too, if one does."""

    together = threading.Barrier(2)

    def __init__(self) -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            self.together.wait(timeout=1)
        super().__init__()


MEMORY = {"BACKEND": "switchboard.layers.memory.MemoryLayer"}


@pytest.fixture(autouse=True)
def _two_layers(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": MEMORY, "chat": MEMORY}
    settings.SWITCHBOARD = {"LAYER": "chat"}


def depths(channel: str) -> dict[str, int]:
    """How many messages the channel holds on each of the two layers."""
    return {alias: asyncio.run(channel_layers[alias].depth(channel)) for alias in ("default", "chat")}


def log(message: Message) -> None:
    Channel("chat.log").send({"a": 1})


def join(message: Message) -> None:
    Group("tea").add(message.reply_channel)  # type: ignore[arg-type]
    Group("tea").send({"text": "hello"})


def test_outside_a_consumer_it_is_the_layer_of_the_setting() -> None:
    channel = Channel("chat.log")
    channel.send({})
    assert depths("chat.log") == {"default": 0, "chat": 1}
    Channel("chat.log", alias="default").send({})
    Channel("chat.log", channel_layer=channel_layers["default"]).send({})
    assert depths("chat.log") == {"default": 2, "chat": 1}


def test_a_group_outside_a_consumer_reaches_the_sockets() -> None:
    client = Client(router=Router([]))
    Group("tea").add(client.reply_channel)
    Group("tea", alias="default").send({"text": "elsewhere"})
    Group("tea").send({"text": "hello"})
    assert client.received() == [{"text": "hello"}]


def test_a_consumers_sends_leave_with_its_acknowledgement() -> None:
    def consumer(message: Message) -> None:
        join(message)
        assert client.received() == []

    client = Client(router=Router([route("websocket.receive", consumer)]))
    client.send_and_consume("websocket.receive")
    assert client.received() == [{"text": "hello"}] and client.groups == {"tea"}


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_what_runs_in_a_test_client_uses_its_layer(kind: str) -> None:
    layer = MemoryLayer()

    async def ajoin(message: Message) -> None:
        await Group("tea").aadd(message.reply_channel)  # type: ignore[arg-type]
        await Group("tea").asend({"text": "hello"})

    router = Router([route("websocket.connect", join if kind == "sync" else ajoin)])
    client = WSClient("/tea/", layer=layer, router=router)
    assert client.connect() == {"text": "hello"}
    assert client.groups == {"tea"}


def test_so_does_an_error_hook_and_a_consumer_of_requests() -> None:
    layer = MemoryLayer()

    def apologize(message: Message, error: Exception) -> None:
        log(message)

    @on_error(apologize)
    def consumer(message: Message) -> None:
        raise ZeroDivisionError

    def answer(message: Message) -> None:
        log(message)
        message.reply_channel.send({"status": 204, "headers": [], "content": b""})  # type: ignore[union-attr]

    router = Router([route("websocket.receive", consumer), route("http.request", answer)])
    Client(layer=layer, router=router).send_and_consume("websocket.receive")
    assert HttpClient(layer=layer, router=router).request("GET", "/")["status"] == 204
    assert asyncio.run(layer.depth("chat.log")) == 2
    assert depths("chat.log") == {"default": 0, "chat": 0}


def test_another_layer_can_be_named_in_a_consumer() -> None:
    def consumer(message: Message) -> None:
        Channel("chat.log", alias="default").send({})
        Channel("chat.log", alias="chat").send({})
        raise ZeroDivisionError

    client = Client(router=Router([route("websocket.receive", consumer)]))
    with pytest.raises(ZeroDivisionError):
        client.send_and_consume("websocket.receive")
    assert depths("chat.log") == {"default": 1, "chat": 0}


def test_threads_that_use_a_layer_first_at_the_same_moment_get_one(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"slow": {"BACKEND": f"{__name__}.SlowlyMade"}}
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(get_layer, ["slow"] * 2)
    assert one is other


@pytest.mark.parametrize("kind", [MemoryLayer, RedisLayer])
def test_a_layer_makes_nothing_at_its_first_use_by_several_threads(kind: type) -> None:
    """Since Python 3.12 a ``cached_property`` has no lock."""
    made_late = [name for each in kind.__mro__ for name, it in vars(each).items() if isinstance(it, cached_property)]
    assert made_late == []
