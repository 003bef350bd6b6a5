"""Nothing is left behind: each key has somebody who removes it, as the table in the package's docstring says."""

from __future__ import annotations

import re

import pytest
from redis import Redis

from switchboard.events import GroupMessage, Join, Tip
from switchboard.layers import redis as package
from switchboard.layers.base import Begun
from switchboard.layers.redis import RedisLayer
from switchboard.names import CONNECT, DISCONNECT, HTTP_REQUEST, RECEIVE, new_reply_channel
from switchboard.testing.contract.acts import ANNE, BERT, LOG, frame, handle, new_home, note, take
from switchboard.testing.contract.requests import request

pytestmark = pytest.mark.redis

#: Keys that a single host does not have.
BETWEEN_HOSTS = {"outgoing1", "received"}
CHANNELS = [CONNECT, RECEIVE, DISCONNECT, HTTP_REQUEST, LOG]


def _kinds(keys: list[str], prefix: str) -> set[str]:
    return {key.removeprefix(f"{prefix}:").partition(":")[0] for key in keys}


async def _life(layer: RedisLayer, interface: str) -> str:
    """A socket that joins a group, says something, is read from, sees a message given up, and goes."""
    socket = new_reply_channel(interface)
    await handle(layer, frame(socket, 0, CONNECT), Join(socket, "room"))
    await handle(layer, frame(socket, 1), GroupMessage("room", {}, seq=1), Tip("room", 1), note())
    await layer.commit(ANNE, await take(layer))
    assert await layer.request(request(interface), timeout=60)
    assert await layer.claim_request(ANNE, await take(layer, HTTP_REQUEST))
    await layer.report_written(socket, 1)
    await layer.enqueue(frame(socket, 2))
    await layer.bury(ANNE, await take(layer, RECEIVE), reason="tried often enough")
    await layer.watch_interfaces(unbroken=1)
    await layer.scan_sockets(interface, every=1)
    return socket


async def _forget_letters(layer: RedisLayer) -> None:
    first, *others = await layer.dead_letters()
    assert await layer.revive(first.tag)
    await layer.commit(ANNE, await take(layer, RECEIVE))
    for letter in others:
        assert await layer.drop_dead_letter(letter.tag)


def _documented() -> set[str]:
    """The kinds of keys in the table of the package's docstring."""
    return set(re.findall(r"^ {4}(\w+)(?::<[\w ]+>)? +(?:stream|hash|set|list) ", package.__doc__ or "", re.M))


def _check_only_constants_are_left(layer: RedisLayer, shell: Redis) -> None:
    """An empty stream for each named channel, the list of these, and an empty stream of dead letters; and what expires
    when nobody watches any more."""
    prefix = layer.prefix
    streams = {f"{prefix}:stream1:{channel}" for channel in CHANNELS}
    watched = f"{prefix}:watched"
    if shell.exists(watched):
        assert shell.hkeys(watched) == ["began", "run_id", "looked"]
        assert 0 <= shell.pttl(watched) <= 1000
    left = set(shell.scan_iter(f"{prefix}:*")) - {watched}
    assert left == {*streams, f"{prefix}:channels", f"{prefix}:deadletters"}
    assert shell.xlen(f"{prefix}:deadletters") == 0
    assert shell.smembers(f"{prefix}:channels") == set(CHANNELS)
    for key in streams:
        assert shell.xlen(key) == 0
        assert shell.xinfo_groups(key)[0]["consumers"] == 0


async def test_a_whole_life_leaves_constants_only(layer: RedisLayer, shell: Redis) -> None:
    prefix = layer.prefix
    interface = await new_home(layer)
    await layer.beat_worker(ANNE)
    for _ in range(5):
        socket = await _life(layer, interface)
        await layer.enqueue(frame(socket, 3, DISCONNECT))
        seen = _kinds(list(shell.scan_iter(f"{prefix}:*")), prefix)
        await handle(layer, frame(socket, 3, DISCONNECT))
        await layer.await_report(socket, wait=1)
    assert seen == _documented() - BETWEEN_HOSTS
    await _forget_letters(layer)
    beat = await layer.beat(interface, 0)
    await layer.beat(interface, beat.last)
    assert await layer.leave(interface, "room", beat.last)
    await layer.close_inbox(interface)
    await layer.retire(ANNE, [])
    await layer.watch_interfaces(unbroken=1)
    _check_only_constants_are_left(layer, shell)


async def test_the_dead_leave_constants_only(layer: RedisLayer, shell: Redis) -> None:
    interface, dead_interface = await new_home(layer), await new_home(layer)
    await layer.beat_worker(ANNE)
    await layer.beat_worker(BERT)
    sockets = [await _life(layer, home) for home in (interface, dead_interface) for _ in range(20)]
    here, orphans = sockets[:20], sockets[20:]
    for socket in sockets[::3]:
        await layer.enqueue(frame(socket, 3))
    await layer.take(BERT, [RECEIVE], count=5, wait=0)  # and with these in its hands this worker dies
    for seen in await layer.pending([RECEIVE], idle=0):
        delivery = await layer.take_over(ANNE, seen)
        assert delivery is not None
        assert (await layer.begin(ANNE, delivery)).begun is Begun.RUN
        assert await layer.commit(ANNE, delivery)
    await layer.retire(BERT, [])
    for delivery in await layer.take(ANNE, [RECEIVE], count=100, wait=0):
        assert await layer.commit(ANNE, delivery)

    await reap(layer, dead_interface)
    assert await layer.depth(DISCONNECT) == len(orphans)
    for number, socket in enumerate(here):
        await layer.enqueue(frame(socket, 3 if number % 3 else 4, DISCONNECT))
    for delivery in await layer.take(ANNE, [DISCONNECT], count=100, wait=0):
        assert await layer.commit(ANNE, delivery)
    await layer.close_inbox(interface)
    assert list(await layer.interface_beats()) == [dead_interface], "nobody has looked for records of it yet"
    await reap(layer, dead_interface)
    assert await layer.interface_beats() == {}
    assert await layer.watch_interfaces(unbroken=1) == {}

    await _forget_letters(layer)
    await layer.retire(ANNE, [])
    for socket in sockets:
        while await layer.await_report(socket, wait=0) is not None:
            pass
    _check_only_constants_are_left(layer, shell)


async def reap(layer: RedisLayer, interface: str) -> None:
    """What a worker does once it is sure that an interface is dead."""
    for socket in await layer.sockets_of(interface):
        if socket.sent == socket.acked:
            await layer.enqueue(frame(socket.channel, socket.sent + 1, DISCONNECT))
    await layer.close_inbox(interface)


async def test_an_inbox_that_closes_takes_its_memberships_along(layer: RedisLayer, shell: Redis) -> None:
    interface = await new_home(layer)
    socket = new_reply_channel(interface)
    await layer.publish([Join(socket, f"room.{n}") for n in range(10)])
    await layer.close_inbox(interface)
    assert list(shell.scan_iter(f"{layer.prefix}:*")) == []


async def test_unread_reports_expire(layer: RedisLayer, shell: Redis) -> None:
    await layer.report_written("interface.x!y", 1)
    assert 0 < shell.ttl(f"{layer.prefix}:report:interface.x!y") <= 60


async def test_a_scan_that_nobody_goes_on_with_expires(layer: RedisLayer, shell: Redis) -> None:
    socket = new_reply_channel("interface.x")
    await layer.enqueue(frame(socket, 0, CONNECT))
    await layer.scan_sockets("interface.x", every=1)
    assert 0 < shell.ttl(f"{layer.prefix}:scan:interface.x") <= 60


async def test_a_flush_takes_its_own_prefix_only(layer: RedisLayer, shell: Redis) -> None:
    odd = RedisLayer(layer_hosts(shell), prefix=f"{layer.prefix}[*]")
    await odd.publish([note()])
    await layer.publish([note()])
    await odd.flush()
    assert await odd.depth(LOG) == 0
    assert await layer.depth(LOG) == 1
    await odd.close()


def layer_hosts(shell: Redis) -> list[str]:
    """Where ``shell`` is connected to."""
    return [f"unix://{shell.connection_pool.connection_kwargs['path']}"]
