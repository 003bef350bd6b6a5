"""Ordinary Channels consumers on a layer, unchanged: those of the tutorials, Channels' own worker, its test clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.layers import channel_layers
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from channels.testing import ApplicationCommunicator, WebsocketCommunicator
from channels.worker import Worker
from django.urls import path

from switchboard.testing.contract.acts import PATIENCE
from switchboard.testing.contract.channel_layers import ChannelLayerTests
from switchboard.testing.waiting import await_until


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


class ThreadedChat(SyncChat):
    """It has threads of its own do the sending, which have no event loop and make one for each call."""

    def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(super().receive, (text_data or "").split()))


APPLICATION = ProtocolTypeRouter(
    {
        "websocket": URLRouter(
            [
                path("ws/sync/", SyncChat.as_asgi()),
                path("ws/threaded/", ThreadedChat.as_asgi()),
                path("ws/<room>/", Chat.as_asgi()),
            ]
        )
    }
)


class OnTheLayer(ChannelLayerTests):
    """The layer is the one that consumers find."""

    @pytest.fixture(autouse=True)
    async def _named(self, layer: Any) -> AsyncIterator[None]:
        before = channel_layers.set("default", layer)
        yield
        if before is None:
            del channel_layers.backends["default"]
        else:
            channel_layers.set("default", before)


class ChannelsConsumerTests(OnTheLayer):
    """What runs on every layer of the specification."""

    async def test_the_tutorials_consumers_talk_to_each_other(self) -> None:
        one, two, sync, elsewhere = [await enter(f"/ws/{room}/") for room in ("tea", "tea", "sync", "coffee")]
        for speaker, text in ((one, "async"), (sync, "sync")):
            await speaker.send_to(text_data=text)
            assert [await each.receive_from(PATIENCE) for each in (one, two, sync)] == [text] * 3
        assert await elsewhere.receive_nothing()
        await two.disconnect(timeout=PATIENCE)
        await one.send_to(text_data="two is gone")
        assert await sync.receive_from(PATIENCE) == "two is gone"
        for each in (one, sync, elsewhere):
            await each.disconnect(timeout=PATIENCE)

    async def test_channels_own_worker_runs_on_it(self, layer: Any) -> None:
        handled: list[str] = []
        before = asyncio.all_tasks()

        async def thumbnails(scope: Any, receive: Any, send: Any) -> None:
            while True:
                handled.append((await receive())["name"])

        worker = Worker(ChannelNameRouter({"thumbnails": thumbnails}), ["thumbnails"], layer)
        running = asyncio.create_task(worker.handle())
        for name in ("a", "b"):
            await layer.send("thumbnails", {"type": "make", "name": name})
        await await_until(lambda: handled == ["a", "b"], "both")
        running.cancel()
        left = asyncio.all_tasks() - before  # a worker that is cancelled leaves its listeners running
        for task in left:
            task.cancel()
        await asyncio.wait(left)

    async def test_the_communicator_of_channels_itself(self) -> None:
        communicator = ApplicationCommunicator(APPLICATION, {"type": "websocket", "path": "/ws/tea/", "headers": []})
        await communicator.send_input({"type": "websocket.connect"})
        assert (await communicator.receive_output(PATIENCE))["type"] == "websocket.accept"
        communicator.stop()


class ThreadedConsumerTests(OnTheLayer):
    """What a layer has to be reached from other loops for."""

    async def test_a_sync_consumer_may_send_from_threads_of_its_own(self) -> None:
        threaded, other = await enter("/ws/threaded/"), await enter("/ws/tea/")
        await threaded.send_to(text_data="a b c d e f g h")
        for each in (threaded, other):
            assert {await each.receive_from(PATIENCE) for _ in range(8)} == set("abcdefgh")
            await each.disconnect(timeout=PATIENCE)


async def enter(path: str) -> WebsocketCommunicator:
    """A client, connected to `APPLICATION`."""
    communicator = WebsocketCommunicator(APPLICATION, path)
    connected, _ = await communicator.connect(PATIENCE)
    assert connected
    return communicator
