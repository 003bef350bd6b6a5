"""Whoever cancels a call of the layer can rely on it."""

from __future__ import annotations

import asyncio
import random

import pytest

from switchboard.layers.redis import RedisLayer
from switchboard.testing.processes import PrivateRedis

pytestmark = pytest.mark.redis


@pytest.fixture
def layer(redis_server: PrivateRedis) -> RedisLayer:
    return RedisLayer(hosts=[redis_server.url], prefix="cancelling")


async def test_a_cancellation_is_never_lost_halfway_through_a_command(layer: RedisLayer) -> None:
    async def for_ever() -> None:
        while True:
            await layer.beat_worker("worker.a")

    for turns in [random.randrange(40) for _ in range(400)]:
        task = asyncio.create_task(for_ever())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        _, pending = await asyncio.wait([task], timeout=20)
        assert not pending, f"still running after a cancellation in turn {turns}"
    await layer.flush()
    await layer.close()


async def test_nor_where_the_command_is_answered_by_an_error(layer: RedisLayer) -> None:
    """Who is the first to read a channel gets an error for the missing consumer group, makes it and reads on."""
    for turns in range(60):
        tasks = [
            asyncio.create_task(layer.take("worker.a", [f"new.{turns}.{n}"], count=1, wait=30), name=f"{turns}")
            for n in range(6)
        ]
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        _, pending = await asyncio.wait(tasks, timeout=20)
        assert not pending, f"still running after a cancellation in turn {turns}"
    await layer.flush()
    await layer.close()
