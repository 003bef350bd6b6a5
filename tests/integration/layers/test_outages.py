"""A server that is gone, frozen or refuses: one kind of error, nothing half done, and it passes."""

from __future__ import annotations

import asyncio
import signal

import pytest
from redis import Redis

from switchboard.events import Reply
from switchboard.exceptions import LayerUnavailable
from switchboard.layers.base import Enqueued
from switchboard.layers.redis import RedisLayer
from switchboard.names import RECEIVE, new_worker
from switchboard.testing.contract.acts import (
    ANNE,
    LOG,
    PATIENCE,
    frame,
    inbox,
    new_home,
    new_socket,
    note,
    outcome,
    take,
)
from switchboard.testing.processes import PrivateRedis
from switchboard.testing.waiting import await_until

pytestmark = pytest.mark.redis


async def test_without_a_server_each_call_says_so() -> None:
    layer = RedisLayer(["unix:///nonexistent/redis.sock"])
    for call in (
        layer.depth(LOG),
        layer.publish([note()]),
        layer.take(ANNE, [LOG], count=1, wait=1),
        layer.read_inbox("interface.x", 0, wait=1),
    ):
        with pytest.raises(LayerUnavailable) as raised:
            await call
        assert raised.value.__cause__ is not None
    await layer.close()


async def test_a_killed_server_wakes_who_waits(lonely_layer: RedisLayer, private_redis_server: PrivateRedis) -> None:
    layer = lonely_layer
    interface = await new_home(layer)
    waiting = [
        asyncio.create_task(layer.take(ANNE, [LOG], count=1, wait=PATIENCE)),
        asyncio.create_task(layer.read_inbox(interface, 0, wait=PATIENCE)),
        asyncio.create_task(layer.await_report("interface.x!y", wait=PATIENCE)),
    ]
    with Redis.from_url(private_redis_server.url) as shell:
        await await_until(lambda: shell.info("clients")["blocked_clients"] == 3, "all wait")
    private_redis_server.kill()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [LayerUnavailable] * 3
    private_redis_server.start()
    await layer.publish([note()])
    await take(layer)


async def test_a_frozen_server_is_noticed_and_nothing_is_repeated(
    private_redis_server: PrivateRedis,
) -> None:
    # As patient as ever, since a server that was not frozen has to be in time with every other answer.
    layer = RedisLayer([private_redis_server.url])
    await layer.publish([note(1)])
    private_redis_server.signal(signal.SIGSTOP)
    try:
        with pytest.raises(LayerUnavailable):
            await layer.publish([note(2)])
    finally:
        private_redis_server.signal(signal.SIGCONT)
    await await_until(lambda: layer.depth(LOG), "it answers again")
    # The frozen server had it in its socket's buffer: it may have happened, but at most once.
    assert await layer.depth(LOG) in (1, 2)
    await layer.close()


@pytest.mark.parametrize(
    ("refuse", "accept"),
    [
        (["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"]),
        (["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"]),
        (["CONFIG", "SET", "min-replicas-to-write", "1"], ["CONFIG", "SET", "min-replicas-to-write", "0"]),
    ],
    ids=["out of memory", "a replica", "too few replicas"],
)
async def test_a_refusal_is_an_outage_and_leaves_nothing_half_done(
    lonely_layer: RedisLayer, lonely_shell: Redis, refuse: list[str], accept: list[str]
) -> None:
    layer = lonely_layer
    interface = await new_home(layer)
    socket = await new_socket(layer, interface)
    await layer.enqueue(frame(socket, 1))
    delivery = await take(layer, RECEIVE)
    lonely_shell.execute_command(*refuse)  # type: ignore[no-untyped-call]
    with pytest.raises(LayerUnavailable):
        await layer.publish([note()])
    with pytest.raises(LayerUnavailable):
        await layer.commit(ANNE, delivery, [Reply(socket, {}), note()])
    with pytest.raises(LayerUnavailable):
        await layer.enqueue(frame(socket, 2))
    lonely_shell.execute_command(*accept)  # type: ignore[no-untyped-call]
    assert await layer.depth(LOG) == 0
    assert await inbox(layer, interface, 1) == []
    assert await layer.commit(ANNE, delivery, [Reply(socket, {})])
    assert await outcome(layer, frame(socket, 2)) is Enqueued.QUEUED
    assert (await layer.beat(interface, 0)).last == 2


async def test_an_error_of_ours_is_no_outage(layer: RedisLayer, shell: Redis) -> None:
    shell.set(f"{layer.prefix}:stream1:{LOG}", "no stream")
    with pytest.raises(Exception, match="WRONGTYPE") as raised:
        await layer.publish([note()])
    assert not isinstance(raised.value, LayerUnavailable)


async def test_hundreds_may_wait_at_once(layer: RedisLayer) -> None:
    waiting = [asyncio.create_task(layer.take(new_worker(), [f"idle.{n}"], count=1, wait=0.5)) for n in range(150)]
    await layer.publish([note()])
    await take(layer)
    assert await asyncio.gather(*waiting) == [[]] * 150
