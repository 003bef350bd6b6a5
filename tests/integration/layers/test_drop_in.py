"""Ordinary Channels 4 consumers on our layers, unchanged."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.exceptions import ChannelFull
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.layers import channel_layers
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from channels.testing import ApplicationCommunicator, WebsocketCommunicator
from channels.worker import Worker
from django.urls import path

from switchboard.layers.drop_in import ChannelsLayer
from switchboard.layers.memory import MemoryLayer
from switchboard.layers.redis import RedisLayer
from switchboard.testing.waiting import await_until


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
async def layer(request: pytest.FixtureRequest) -> AsyncIterator[ChannelsLayer]:
    made: ChannelsLayer
    if request.param == "memory":
        made = MemoryLayer(channel_capacity={"small": 1})
    else:
        server = request.getfixturevalue("redis_server")
        made = RedisLayer(hosts=[server.url], prefix="drop-in", channel_capacity={"small": 1})
    await made.flush()
    before = channel_layers.set("default", made)
    yield made
    channel_layers.set("default", before) if before else channel_layers.backends.clear()
    await made.flush()
    await made.close()


class Chat(AsyncWebsocketConsumer):  # type: ignore[misc]
    """The consumer of the Channels tutorial, asynchronous."""

    async def connect(self) -> None:
        self.group = f"chat_{self.scope['url_route']['kwargs']['room']}"
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.channel_layer.group_send(self.group, {"type": "chat.message", "message": text_data})

    async def chat_message(self, event: dict[str, Any]) -> None:
        await self.send(text_data=event["message"])


class SyncChat(WebsocketConsumer):  # type: ignore[misc]
    """The same, synchronous."""

    groups = ("chat_tea",)

    def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        async_to_sync(self.channel_layer.group_send)("chat_tea", {"type": "chat.message", "message": text_data})

    def chat_message(self, event: dict[str, Any]) -> None:
        self.send(text_data=event["message"])


APPLICATION = ProtocolTypeRouter(
    {"websocket": URLRouter([path("ws/sync/", SyncChat.as_asgi()), path("ws/<room>/", Chat.as_asgi())])}
)


async def enter(path: str) -> WebsocketCommunicator:
    communicator = WebsocketCommunicator(APPLICATION, path)
    connected, _ = await communicator.connect()
    assert connected
    return communicator


async def test_the_tutorials_consumers_talk_to_each_other(layer: ChannelsLayer) -> None:
    one, two, sync, elsewhere = [await enter(f"/ws/{room}/") for room in ("tea", "tea", "sync", "coffee")]
    for speaker, text in ((one, "async"), (sync, "sync")):
        await speaker.send_to(text_data=text)
        assert [await each.receive_from(5) for each in (one, two, sync)] == [text] * 3
    assert await elsewhere.receive_nothing()
    await two.disconnect()
    await one.send_to(text_data="two is gone")
    assert await sync.receive_from(5) == "two is gone"
    for each in (one, sync, elsewhere):
        await each.disconnect()


async def test_several_threads_send_to_one_consumer(layer: ChannelsLayer) -> None:
    tea = await enter("/ws/tea/")

    def send(number: int) -> None:
        async_to_sync(layer.group_send)("chat_tea", {"type": "chat.message", "message": str(number)})

    threads = [threading.Thread(target=send, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    assert {await tea.receive_from(5) for _ in range(8)} == {str(number) for number in range(8)}
    for thread in threads:
        thread.join()
    await tea.disconnect()


async def test_a_channel_of_ones_own(layer: ChannelsLayer) -> None:
    name, other = await layer.new_channel(), await layer.new_channel()
    await layer.send(other, {"type": "not.mine"})
    await layer.send(name, {"type": "mine", "n": 1})
    await layer.send(name, {"type": "mine", "n": 2})
    assert [(await layer.receive(name))["n"] for _ in range(2)] == [1, 2]
    assert await layer.receive(other) == {"type": "not.mine"}


async def test_a_cancelled_receive_loses_nothing_and_leaves_no_task(layer: ChannelsLayer) -> None:
    name = await layer.new_channel()
    for _ in range(5):
        receiving = asyncio.create_task(layer.receive(name))
        await asyncio.sleep(0)
        receiving.cancel()
        await asyncio.wait([receiving])
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("mailroom")]
    await layer.send(name, {"type": "late"})
    assert await layer.receive(name) == {"type": "late"}


async def test_named_channels_are_shared_and_bounded(layer: ChannelsLayer) -> None:
    await layer.send("small", {"type": "a"})
    with pytest.raises(ChannelFull):
        await layer.send("small", {"type": "b"})
    first, second = asyncio.create_task(layer.receive("small")), asyncio.create_task(layer.receive("small"))
    await asyncio.wait([first, second], return_when=asyncio.FIRST_COMPLETED)
    await layer.send("small", {"type": "c"})
    assert sorted([(await first)["type"], (await second)["type"]]) == ["a", "c"]


async def test_channels_own_worker_runs_on_it(layer: ChannelsLayer) -> None:
    handled: list[str] = []

    async def thumbnails(scope: Any, receive: Any, send: Any) -> None:
        while True:
            handled.append((await receive())["name"])

    worker = Worker(ChannelNameRouter({"thumbnails": thumbnails}), ["thumbnails"], layer)
    running = asyncio.create_task(worker.handle())
    for name in ("a", "b"):
        await layer.send("thumbnails", {"type": "make", "name": name})
    await await_until(lambda: handled == ["a", "b"], "both")
    running.cancel()
    await asyncio.wait([running])


@pytest.mark.parametrize("name", ["", "no spaces", "x" * 100, "a!b!c"])
async def test_names_are_checked(layer: ChannelsLayer, name: str) -> None:
    with pytest.raises(TypeError):
        await layer.send(name, {"type": "x"})
    with pytest.raises(TypeError):
        await layer.group_send(name, {"type": "x"})


async def test_a_message_is_a_dict(layer: ChannelsLayer) -> None:
    with pytest.raises(TypeError):
        await layer.send("a", "text")  # type: ignore[arg-type]


async def test_the_communicator_of_channels_itself(layer: ChannelsLayer) -> None:
    communicator = ApplicationCommunicator(APPLICATION, {"type": "websocket", "path": "/ws/tea/", "headers": []})
    await communicator.send_input({"type": "websocket.connect"})
    assert (await communicator.receive_output(5))["type"] == "websocket.accept"
    communicator.stop()
