"""Nothing is left behind: each key has somebody who removes it, as the table in the package's docstring says."""

from __future__ import annotations

import re

import pytest
from redis import Redis

from switchboard.events import GroupMessage, Join
from switchboard.layers import redis as package
from switchboard.layers.redis import RedisLayer
from switchboard.names import CONNECT, DISCONNECT, RECEIVE, new_reply_channel
from switchboard.testing.contract.acts import ANNE, LOG, frame, handle, new_home, note, take

pytestmark = pytest.mark.redis

CHANNELS = [CONNECT, RECEIVE, DISCONNECT, LOG]


def _kinds(keys: list[str], prefix: str) -> set[str]:
    return {key.removeprefix(f"{prefix}:").partition(":")[0] for key in keys}


async def test_a_whole_life_leaves_empty_streams_only(layer: RedisLayer, shell: Redis) -> None:
    prefix = layer._keys.prefix
    interface = await new_home(layer)
    await layer.beat_worker(ANNE)
    for _ in range(5):
        socket = new_reply_channel(interface)
        await handle(layer, frame(socket, 0, CONNECT), Join(socket, "room"))
        await handle(layer, frame(socket, 1), GroupMessage("room", {}), note())
        await layer.commit(ANNE, await take(layer))
        await layer.report_written(socket, 1)
        seen = _kinds(list(shell.scan_iter(f"{prefix}:*")), prefix)
        await handle(layer, frame(socket, 2, DISCONNECT))
        await layer.await_report(socket, wait=1)
    assert seen == set(re.findall(r"^ {4}(\w+)(?::<[\w ]+>)? +(?:stream|hash|set|list) ", package.__doc__ or "", re.M))
    beat = await layer.beat(interface, 0)
    await layer.beat(interface, beat.last)
    assert await layer.leave(interface, "room", beat.last)
    await layer.close_inbox(interface)
    await layer.retire(ANNE, CHANNELS)
    keys = list(shell.scan_iter(f"{prefix}:*"))
    assert sorted(keys) == sorted(f"{prefix}:stream1:{channel}" for channel in CHANNELS)
    for key in keys:
        assert shell.xlen(key) == 0
        assert shell.xinfo_groups(key)[0]["consumers"] == 0


async def test_an_inbox_that_closes_takes_its_memberships_along(layer: RedisLayer, shell: Redis) -> None:
    interface = await new_home(layer)
    socket = new_reply_channel(interface)
    await layer.publish([Join(socket, f"room.{n}") for n in range(10)])
    await layer.close_inbox(interface)
    assert list(shell.scan_iter(f"{layer._keys.prefix}:*")) == []


async def test_unread_reports_expire(layer: RedisLayer, shell: Redis) -> None:
    await layer.report_written("interface.x!y", 1)
    assert 0 < shell.ttl(f"{layer._keys.prefix}:report:interface.x!y") <= 60


async def test_a_flush_takes_its_own_prefix_only(layer: RedisLayer, shell: Redis) -> None:
    odd = RedisLayer(layer_hosts(shell), prefix=f"{layer._keys.prefix}[*]")
    await odd.publish([note()])
    await layer.publish([note()])
    await odd.flush()
    assert await odd.depth(LOG) == 0
    assert await layer.depth(LOG) == 1
    await odd.close()


def layer_hosts(shell: Redis) -> list[str]:
    """Where ``shell`` is connected to."""
    return [f"unix://{shell.connection_pool.connection_kwargs['path']}"]
