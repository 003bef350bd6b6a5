"""Redis loses its data within the lease of an interface that was killed: nobody reports its sockets any more, and the
people who sat there are gone from their rooms all the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as project

from chat import broadcast
from chat.dialects import DIALECTS
from chat.models import Connection, Member
from switchboard.events import Envelope, GroupMessage
from switchboard.exceptions import LayerUnavailable
from switchboard.layers.base import Layer, SocketState
from switchboard.layers.named import get_layer
from switchboard.names import CONNECT, new_interface, new_reply_channel
from switchboard.routing import Router
from switchboard.testing.processes import PrivateRedis
from switchboard.testing.waiting import await_until
from switchboard.worker.loop import Worker
from tests.integration.chat.conftest import visitor

pytestmark = [
    pytest.mark.redis,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("own_layer"),
]

GROUP = broadcast.group_name("tea", DIALECTS["v1"])


class Interface:
    """What a worker sees of an interface that has one socket."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.name = new_interface()
        self.socket = new_reply_channel(self.name)
        self._beating: asyncio.Task[None] | None = None

    async def connect(self, visitor_name: str) -> None:
        await self.layer.open_inbox(self.name)
        content = {
            "path": "/chat/tea/",
            "query_string": b"",
            "subprotocols": ["switchboard.v1"],
            "headers": [list(header) for header in visitor(visitor_name)],
            "client": ["127.0.0.1", 50000],
            "reply_channel": self.socket,
            "order": 0,
        }
        await self.layer.enqueue(Envelope(CONNECT, f"{self.socket}/0", content, self.socket, 0))

    @asynccontextmanager
    async def living(self) -> AsyncIterator[None]:
        beating = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            beating.cancel()
            await asyncio.wait([beating])

    async def recovered(self) -> bool:
        """Bring back what it knows, as an interface does that finds the data lost; False if the layer is away."""
        try:
            await self.layer.open_inbox(self.name)
        except LayerUnavailable:
            return False
        await self.layer.rejoin(self.name, [GROUP])
        await self.layer.restore([SocketState(self.socket, 0, 0, "/chat/tea/")])
        return True

    async def frames(self) -> list[dict[str, Any]]:
        """What the room was told since."""
        entries = await self.layer.read_inbox(self.name, 0, wait=0)
        events = [event for entry in entries for event in entry.events if isinstance(event, GroupMessage)]
        return [json.loads(event.content["text"]) for event in events]

    async def _beat(self) -> None:
        while True:
            await self.layer.beat(self.name, 0)
            await asyncio.sleep(0.1)  # the pulse itself


def here() -> list[str]:
    """The sockets of those who are there for others."""
    return list(Connection.objects.filter(member__here=True).values_list("reply_channel", flat=True))


def present() -> set[str]:
    return set(Connection.objects.values_list("reply_channel", flat=True))


@asynccontextmanager
async def working(layer: Layer) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(Worker(layer, Router(project.CHANNEL_ROUTING)).run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def test_who_sat_at_an_interface_of_which_redis_forgot_everything_is_gone_from_the_room(
    private_redis_server: PrivateRedis, settings: Any
) -> None:
    settings.SWITCHBOARD = {"INTERFACE_LEASE": 3.0, "WORKER_LEASE": 0.8}
    backend = "switchboard.layers.redis.RedisLayer"
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": backend, "CONFIG": {"hosts": [private_redis_server.url]}}}
    layer = get_layer()
    killed, alive = Interface(layer), Interface(layer)
    async with working(layer):
        await killed.connect("ann")
        await alive.connect("bob")
        both = sync_to_async(lambda: present() == {killed.socket, alive.socket})
        await await_until(both, "both in the room")
        await sync_to_async(lambda: Member.objects.update(here=True))()  # each has said hello

        private_redis_server.kill()
        private_redis_server.start()
        await await_until(alive.recovered, "Redis to answer")
        async with alive.living():
            await await_until(sync_to_async(lambda: killed.socket not in present()), "the row to go")
            await await_until(alive.frames, "the room to be told")
            [told] = await alive.frames()

    assert await sync_to_async(present)() == {alive.socket}
    assert await sync_to_async(here)() == [alive.socket]
    assert await sync_to_async(Member.objects.filter(here=True).count)() == 1
    assert (told["t"], told["here"]) == ("person", False)
