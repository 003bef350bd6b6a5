"""A worker over two hosts: it reads both, and goes on with one while the other is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from switchboard import Group, Message, route
from switchboard.events import GroupMessage
from switchboard.exceptions import LayerUnavailable
from switchboard.layers.base import Enqueued
from switchboard.layers.redis import RedisLayer
from switchboard.names import CONNECT, RECEIVE, new_reply_channel
from switchboard.routing import Router
from switchboard.testing.contract.acts import events, frame, join, outcome
from switchboard.testing.processes import PrivateRedis
from switchboard.testing.waiting import await_until
from switchboard.worker.loop import Worker
from tests.integration.layers.two_hosts.homes import interface_at

pytestmark = pytest.mark.redis


def connect(message: Message) -> None:
    """Nothing to say."""


def tell_all(message: Message) -> None:
    Group("room", channel_layer=message.channel_layer).send({"text": message.content["text"]})


@asynccontextmanager
async def worker(layer: RedisLayer) -> AsyncIterator[None]:
    stop = asyncio.Event()
    router = Router([route(CONNECT, connect), route(RECEIVE, tell_all)])
    task = asyncio.create_task(Worker(layer, router).run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def say(layer: RedisLayer, socket: str, order: int) -> None:
    """A message of a socket, which has the next one when this is handled."""
    envelope = frame(socket, order, RECEIVE if order else CONNECT)
    assert await outcome(layer, envelope) is Enqueued.QUEUED

    async def handled() -> bool:
        return await outcome(layer, envelope) is Enqueued.DONE

    await await_until(handled, f"order {order} is handled")


async def said(layer: RedisLayer, interface: str) -> list[str]:
    return [event.content["text"] for event in await events(layer, interface) if isinstance(event, GroupMessage)]


async def test_members_on_both_hosts_hear_what_is_said_on_either(
    layer: RedisLayer, servers: list[PrivateRedis]
) -> None:
    homes = [await interface_at(layer, place) for place in (0, 1)]
    sockets = [new_reply_channel(interface) for interface in homes]
    for interface in homes:
        await join(layer, interface, "room")
    own = RedisLayer([server.url for server in servers])
    async with worker(own):
        for order in range(3):
            for socket in sockets:
                await say(layer, socket, order)
        for interface in homes:
            await await_until(partial(_has, layer, interface, 4), "all was heard")
            assert sorted(await said(layer, interface)) == ["frame 1", "frame 1", "frame 2", "frame 2"]

        servers[1].kill()
        with pytest.raises(LayerUnavailable):
            await layer.enqueue(frame(sockets[1], 3))
        for order in range(3, 8):
            await say(layer, sockets[0], order)
        assert len(await said(layer, homes[0])) == 9

        servers[1].start()
        reborn = await interface_at(layer, 1)
        await join(layer, reborn, "room")
        await say(layer, sockets[0], 8)
        await await_until(partial(_has, layer, reborn, 1), "the host is back, and the worker with it")


async def _has(layer: RedisLayer, interface: str, total: int) -> bool:
    return len(await said(layer, interface)) >= total
