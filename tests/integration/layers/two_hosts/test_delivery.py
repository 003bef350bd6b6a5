"""Two hosts: what is sent on one arrives on the other, once and in order; one that is away does not stop the other."""

from __future__ import annotations

import asyncio
import signal

import pytest
from redis import Redis

from switchboard.events import Ack, GroupMessage, Output, Reply, Tip
from switchboard.exceptions import LayerUnavailable
from switchboard.layers.base import Enqueued, Layer
from switchboard.layers.redis import RedisLayer, relay
from switchboard.layers.redis.relay import MOST_OUTGOING, MOST_OUTGOING_BYTES
from switchboard.layers.redis.wire import pack
from switchboard.names import RECEIVE, new_reply_channel
from switchboard.testing.contract.acts import (
    ANNE,
    LOG,
    PATIENCE,
    events,
    frame,
    inbox,
    join,
    new_socket,
    note,
    outcome,
    take,
)
from switchboard.testing.processes import PrivateRedis
from switchboard.testing.waiting import await_until
from tests.integration.layers.two_hosts.homes import HOMES, interface_at

pytestmark = pytest.mark.redis

MIB = 1024 * 1024


async def send_from(layer: Layer, socket: str, order: int, *outputs: Output) -> None:
    """A message of a socket that is handled by a worker at its home."""
    assert await outcome(layer, frame(socket, order)) is Enqueued.QUEUED
    assert await layer.commit(ANNE, await take(layer, RECEIVE), outputs)


async def carry(layer: Layer) -> None:
    """What each worker does every second."""
    for shard in layer.shards:
        await shard.beat_worker(ANNE)


async def test_each_host_has_its_own_interfaces(layer: RedisLayer, shells: list[Redis]) -> None:
    for place in (0, 1):
        interface = await interface_at(layer, place)
        socket = await new_socket(layer, interface)
        await layer.enqueue(frame(socket, 1))
        found = [bool(shell.keys(f"*{interface}*")) for shell in shells]
        assert found == [place == 0, place == 1]
        (delivery,) = await layer.shards[place].take(ANNE, [RECEIVE], count=1, wait=0)
        assert await layer.shards[place].commit(ANNE, delivery, [GroupMessage("room", {})])
        assert (await inbox(layer, interface, 1))[0].events == (Ack(socket, 1),)


async def test_a_group_spans_the_hosts_and_keeps_its_order(layer: RedisLayer) -> None:
    here, there = await interface_at(layer, 0), await interface_at(layer, 1)
    socket = await new_socket(layer, here)
    for interface in (here, there):
        await join(layer, interface, "room")
    messages = [GroupMessage("room", {"n": n}, seq=n) for n in range(1, 31)]
    for message in messages:
        await send_from(layer, socket, message.seq or 0, message)
    await carry(layer)
    for interface in (here, there):
        assert (await events(layer, interface))[1:] == messages


async def test_what_is_left_of_a_dead_worker_arrives_once(layer: RedisLayer, shells: list[Redis]) -> None:
    here, there = await interface_at(layer, 0), await interface_at(layer, 1)
    socket, far = await new_socket(layer, here), new_reply_channel(there)
    await send_from(layer, socket, 1, Reply(far, {"n": 1}))
    # As if whoever committed the second had died before it carried anything, and somebody brings both.
    (host, _) = layer.shards
    words = host._wire.output(Reply(far, {"n": 2}))  # type: ignore[attr-defined]
    packed = pack(words)
    shells[0].xadd("switchboard:outgoing1:1", {"w": packed})
    await asyncio.gather(*(carry(layer) for _ in range(5)))
    assert await events(layer, there) == [Reply(far, {"n": 1}), Reply(far, {"n": 2})]
    assert shells[0].xlen("switchboard:outgoing1:1") == 0


async def test_what_is_brought_twice_is_taken_in_once(layer: RedisLayer, shells: list[Redis]) -> None:
    there = await interface_at(layer, 1)
    far = new_reply_channel(there)
    _, host = layer.shards
    rows: list[bytes | str] = []
    for n in range(12):  # ids are compared as numbers: 9-0 comes before 10-0
        words = host._wire.output(Reply(far, {"n": n}))  # type: ignore[attr-defined]
        rows += [f"{n + 1}-0", pack(words)]
    for some in (rows[:18], rows[:18], rows[:20], rows[10:], rows):
        await host._run("receive", 0, *some)  # type: ignore[attr-defined]
    assert await events(layer, there) == [Reply(far, {"n": n}) for n in range(12)]


async def test_a_frozen_host_holds_up_nobody_and_gets_everything_later(
    layer: RedisLayer, servers: list[PrivateRedis], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = await interface_at(layer, 0), await interface_at(layer, 1)
    socket, far = await new_socket(layer, here), new_reply_channel(there)
    for interface in (here, there):
        await join(layer, interface, "room")
    await layer.publish([GroupMessage("room", {"n": 0})])
    total = 8
    monkeypatch.setattr(relay, "_PATIENCE", 0.5)  # as it is
    servers[1].signal(signal.SIGSTOP)
    try:
        # Two waits of half a second for each; waiting for the frozen one would be two of five seconds.
        async with asyncio.timeout(1.5 * PATIENCE):
            for order in range(1, total):
                assert await outcome(layer.shards[0], frame(socket, order)) is Enqueued.QUEUED
                (delivery,) = await layer.shards[0].take(ANNE, [RECEIVE], count=1, wait=PATIENCE)
                message = GroupMessage("room", {"n": order})
                assert await layer.shards[0].commit(ANNE, delivery, [message, Reply(far, {"n": order})])
                await layer.shards[0].beat_worker(ANNE)
        assert len(await events(layer, here)) == 1 + total
        with pytest.raises(LayerUnavailable):
            await layer.beat(there, 0)
    finally:
        servers[1].signal(signal.SIGCONT)

    async def all_arrived() -> bool:
        await carry(layer)
        return len(await events(layer, there)) >= 2 * total

    await await_until(all_arrived, "what waited was carried over")
    await carry(layer)
    expected: list[Output] = [GroupMessage("room", {"n": 0})]
    for order in range(1, total):
        expected += [GroupMessage("room", {"n": order}), Reply(far, {"n": order})]
    assert (await events(layer, there))[1:] == expected


async def test_a_dead_host_takes_only_its_own_with_it(layer: RedisLayer, servers: list[PrivateRedis]) -> None:
    here, there = await interface_at(layer, 0), await interface_at(layer, 1)
    socket, gone = await new_socket(layer, here), await new_socket(layer, there)
    await join(layer, here, "room")
    for shard in layer.shards:
        await shard.beat_worker(ANNE)
    servers[1].kill()
    with pytest.raises(LayerUnavailable):
        await layer.enqueue(frame(gone, 1))
    await send_from(layer, socket, 1, GroupMessage("room", {"n": 1}))
    for n in (2, 3, 4):
        await layer.publish([GroupMessage("room", {"n": n}), Tip("room", n)])
    said = [event.content["n"] for event in await events(layer, here) if isinstance(event, GroupMessage)]
    assert said == [1, 2, 3, 4]
    assert set(await layer.worker_beats()) == {ANNE}
    assert set(await layer.interface_beats()) == {here}
    assert await layer.dead_letters() == []
    assert await layer.pending([RECEIVE], idle=0) == []
    await layer.beat_worker(ANNE)
    await layer.retire(ANNE, [RECEIVE])

    servers[1].start()  # empty
    assert await outcome(layer, frame(gone, 1)) is Enqueued.UNKNOWN
    again = await interface_at(layer, 1)
    await join(layer, again, "room")
    await layer.publish([GroupMessage("room", {"n": 5})])
    await carry(layer)
    assert (await events(layer, again))[-1] == GroupMessage("room", {"n": 5})


async def test_what_waits_for_a_host_is_bounded(
    layer: RedisLayer, servers: list[PrivateRedis], shells: list[Redis]
) -> None:
    here = await interface_at(layer, 0)
    socket = await new_socket(layer, here)
    servers[1].kill()
    packed = "x"
    with shells[0].pipeline() as pipe:
        for _ in range(MOST_OUTGOING + 500):
            pipe.xadd("switchboard:outgoing1:1", {"w": packed})
        pipe.execute()
    await send_from(layer, socket, 1, GroupMessage("room", {}))
    assert shells[0].xlen("switchboard:outgoing1:1") == MOST_OUTGOING


async def test_what_waits_for_a_host_is_bounded_in_bytes(
    layer: RedisLayer, servers: list[PrivateRedis], shells: list[Redis], monkeypatch: pytest.MonkeyPatch
) -> None:
    there = await interface_at(layer, 1)
    await join(layer, there, "room")
    servers[1].signal(signal.SIGSTOP)
    monkeypatch.setattr(relay, "_PATIENCE", 0.01)
    total, key = MOST_OUTGOING_BYTES // MIB + 8, "switchboard:outgoing1:1"
    for n in range(1, total + 1):
        await layer.shards[0].publish([GroupMessage("room", {"text": "x" * MIB}, seq=n)])
        assert (shells[0].memory_usage(key, samples=0) or 0) < 1.3 * MOST_OUTGOING_BYTES
    kept = shells[0].xlen(key)
    assert MOST_OUTGOING_BYTES // MIB - 2 <= kept < MOST_OUTGOING_BYTES // MIB
    servers[1].signal(signal.SIGCONT)
    monkeypatch.setattr(relay, "_PATIENCE", 20.0)

    async def arrived() -> bool:
        await carry(layer)
        return shells[0].xlen(key) == 0

    await await_until(arrived, "the newest are brought")
    seqs = [event.seq for event in await events(layer, there, 1) if isinstance(event, GroupMessage)]
    assert seqs == list(range(total - kept + 1, total + 1))
    await layer.shards[0].publish([GroupMessage("room", {}, seq=total + 1)])
    assert (await events(layer, there, 1))[-1] == GroupMessage("room", {}, seq=total + 1)
    assert shells[0].xlen(key) == 0


async def test_tags_say_on_which_host_a_message_is(layer: RedisLayer) -> None:
    sockets = [await new_socket(layer, await interface_at(layer, place)) for place in (0, 1)]
    for socket in sockets:
        await layer.enqueue(frame(socket, 1))
    deliveries = [await take(layer, RECEIVE) for _ in sockets]
    assert {delivery.envelope.socket for delivery in deliveries} == set(sockets)
    assert list(await layer.renew(ANNE, deliveries)) == []
    for delivery in deliveries:
        assert await layer.bury(ANNE, delivery, reason="enough")
    assert list(await layer.renew(ANNE, deliveries)) == deliveries
    letters = await layer.dead_letters()
    assert {letter.envelope.socket for letter in letters} == set(sockets)
    for letter in letters:
        assert await layer.revive(letter.tag)
        assert not await layer.drop_dead_letter(letter.tag)


async def test_a_channel_of_the_application_has_one_home(layer: RedisLayer) -> None:
    socket = await new_socket(layer, await interface_at(layer, 1 - HOMES.of_name(LOG)))
    await send_from(layer, socket, 1, note(1), note(2))
    await layer.publish([note(3)])
    received = await layer.shards[HOMES.of_name(LOG)].take(ANNE, [LOG], count=10, wait=PATIENCE)
    assert [delivery.envelope.content["number"] for delivery in received] == [1, 2, 3]


async def test_nothing_is_left_on_either(layer: RedisLayer, shells: list[Redis]) -> None:
    homes = [await interface_at(layer, place) for place in (0, 1)]
    for interface in homes:
        await layer.publish([Reply(new_reply_channel(interface), {}), GroupMessage("room", {})])
        await join(layer, interface, "room")
    await carry(layer)
    for interface in homes:
        await layer.close_inbox(interface)
    await layer.retire(ANNE, [])
    for place, shell in enumerate(shells):
        outgoing = f"switchboard:outgoing1:{1 - place}"
        assert set(shell.keys()) <= {"switchboard:received", "switchboard:sizes", outgoing}
        assert set(shell.hkeys("switchboard:sizes")) <= {f">{1 - place}"}
        assert shell.xlen(f"switchboard:outgoing1:{1 - place}") == 0
