"""Redis holds no more than the bounds in bytes say; the count stays exact, whatever happens to the entries."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator

import msgpack
import pytest
from redis import Redis

from switchboard.conf import get_settings
from switchboard.events import Envelope, GroupMessage, Join, Reply
from switchboard.exceptions import ChannelFull, InboxLost, InboxRemoved
from switchboard.interface.inbox import Inbox
from switchboard.layers.base import Enqueued, Layer
from switchboard.layers.redis import RedisLayer
from switchboard.layers.redis.host import Host
from switchboard.layers.redis.wire import named_fields
from switchboard.names import HTTP_REQUEST, RECEIVE, new_reply_channel, token
from switchboard.responses import finish_responses, sender_on
from switchboard.testing.contract.acts import (
    ANNE,
    BERT,
    LOG,
    PATIENCE,
    MakeLayer,
    frame,
    inbox,
    join,
    new_home,
    new_socket,
    note,
    outcome,
    pending_one,
    take,
)
from switchboard.testing.contract.bounds import CHANNEL_BYTES, drain, fill, large, large_frame
from switchboard.testing.processes import PrivateRedis
from switchboard.testing.waiting import await_until

pytestmark = pytest.mark.redis

MIB = 1024 * 1024


@pytest.fixture
async def tight(make_layer: MakeLayer) -> AsyncIterator[RedisLayer]:
    """A layer of which each channel takes nine large messages."""
    layer = make_layer(capacity_bytes=CHANNEL_BYTES, inbox_bytes=CHANNEL_BYTES)
    assert isinstance(layer, RedisLayer)
    yield layer
    await layer.flush()
    await layer.close()


def counted(layer: RedisLayer, shell: Redis, channel: str = LOG) -> int:
    """What the count says of a channel."""
    return int(shell.hget(f"{layer.prefix}:sizes", channel) or 0)


async def entries(layer: RedisLayer, channel: str = LOG) -> dict[str, dict[bytes, bytes]]:
    """The entries of a channel, by their tags."""
    (host,) = layer.shards
    assert isinstance(host, Host)
    rows = await host._redis.command("XRANGE", f"{layer.prefix}:stream1:{channel}", "-", "+")
    return {tag.decode(): named_fields(fields) for tag, fields in rows}


async def held(layer: RedisLayer, channel: str = LOG) -> int:
    """What the entries of a channel say."""
    return sum(int(fields.get(b"b", 0)) for fields in (await entries(layer, channel)).values())


# -- the whole, with the default bounds


async def test_a_frozen_interface_costs_redis_no_more_than_its_bound(
    lonely_layer: RedisLayer, lonely_shell: Redis
) -> None:
    layer = lonely_layer
    frozen, here = await new_home(layer), await new_home(layer)
    for interface in (frozen, here):
        await layer.publish([Join(new_reply_channel(interface), "room")])
    before = int(lonely_shell.info("memory")["used_memory"])
    text, read, most = "x" * MIB, 1, 0
    for seq in range(1, 51):
        await layer.publish([GroupMessage("room", {"text": text}, seq)])
        entries = await layer.read_inbox(here, read, wait=PATIENCE, drop=True)
        read = entries[-1].number
        most = max(most, int(lonely_shell.info("memory")["used_memory"]) - before)
    assert read == 51, "the other interface got all of them"
    assert most < 40 * MIB, "of 50 MiB that were sent to the frozen one"
    assert int(lonely_shell.info("memory")["used_memory"]) - before < 8 * MIB, "and all of it is free again"
    with pytest.raises(InboxRemoved):
        await layer.beat(frozen, 1)


async def test_large_bodies_are_refused_at_the_bytes_of_the_channel(
    lonely_layer: RedisLayer, lonely_shell: Redis
) -> None:
    layer = lonely_layer
    interface = await new_home(layer)

    async def upload() -> bool:
        content = {"path": "/", "body": bytes(4 * MIB)}
        request = Envelope(HTTP_REQUEST, token(), content, new_reply_channel(interface))
        return await layer.request(request, timeout=PATIENCE)

    queued = 0
    while await upload():
        queued += 1
        assert queued < 20, "of a capacity of 1,000 messages"
    assert queued == 15
    assert int(lonely_shell.info("memory")["used_memory"]) < 90 * MIB
    assert await layer.claim_request(ANNE, await take(layer, HTTP_REQUEST))
    assert await upload()
    assert not await upload()


async def test_fast_downloads_keep_an_inbox_within_its_window(layer: RedisLayer, shell: Redis) -> None:
    inbox = Inbox(layer)
    inbox.opened(await inbox.open())
    key = f"{layer.prefix}:inbox1:{inbox.name}"

    sender = sender_on(layer, asyncio.get_running_loop())
    for _ in range(8):
        sender.send_content(new_reply_channel(inbox.name), {"status": 200, "headers": []}, bytes(6 * MIB))
    read, most = 0, 0
    while read < 48 * MIB:
        most = max(most, int(shell.memory_usage(key, samples=0) or 0))
        for entry in await inbox.read(wait=PATIENCE):
            inbox.take(entry)
            for event in entry.events:
                assert isinstance(event, Reply)
                read += len(event.content["content"])
                if "report" in event.content:
                    await layer.report_written(event.channel, event.content["report"])
    await finish_responses(layer, PATIENCE)
    # A buffer of Redis is up to a quarter larger than what is in it.
    assert MIB < most <= 1.3 * get_settings().INBOX_WINDOW_BYTES


# -- what is counted is what is there


async def test_the_count_follows_a_random_story(make_layer: MakeLayer, shell: Redis) -> None:
    layer = make_layer(capacity_bytes=30_000)
    assert isinstance(layer, RedisLayer)
    interface = await new_home(layer)
    socket, order = await new_socket(layer, interface), 0
    refused = 0
    for _ in range(400):
        step = random.randrange(8)
        if step < 3:
            try:
                await layer.publish([Envelope(LOG, token(), {"text": "x" * random.randrange(3000)})])
            except ChannelFull:
                refused += 1
        elif step == 3 and await outcome(layer, frame(socket, order + 1)) is Enqueued.QUEUED:
            order += 1
            assert await layer.commit(ANNE, await take(layer, RECEIVE), [note(1), note(2)], session={"n": order})
        elif step == 4 and (deliveries := await layer.take(ANNE, [LOG], count=2, wait=0)):
            for delivery in deliveries:
                assert await layer.commit(ANNE, delivery)
        elif step == 5:
            await layer.take(BERT, [LOG], count=1, wait=0)
            for pending in list(await layer.pending([LOG], idle=0))[:1]:
                if taken := await layer.take_over(ANNE, pending):
                    assert await layer.bury(ANNE, taken, reason="a story")
        elif step == 6 and (letters := await layer.dead_letters()):
            await layer.revive(letters[0].tag)
        else:
            await layer.retire(BERT, [LOG])
        assert counted(layer, shell) == await held(layer)
    assert refused, "the story comes to the bound"
    for pending in await layer.pending([LOG], idle=0):
        if taken := await layer.take_over(ANNE, pending):
            await layer.commit(ANNE, taken)
    await drain(layer)
    await drain(layer, RECEIVE)
    assert not shell.exists(f"{layer.prefix}:sizes"), "nothing is counted of nothing"
    await layer.flush()
    await layer.close()


async def test_messages_that_are_dropped_for_being_late_are_taken_off(make_layer: MakeLayer, shell: Redis) -> None:
    layer = make_layer(capacity=3)
    assert isinstance(layer, RedisLayer)
    for number in range(2):
        assert await layer.request(note(number), timeout=0.001)
    queued = time.monotonic()
    await layer.publish([note(2)])
    await await_until(lambda: time.monotonic() > queued + 0.02, "two are late")
    assert await layer.has_room(LOG)
    assert await layer.depth(LOG) == 1
    assert counted(layer, shell) == await held(layer) > 0
    await layer.flush()
    await layer.close()


async def test_entries_of_an_older_version_count_for_nothing(tight: RedisLayer, shell: Redis) -> None:
    assert await fill(tight) == 9
    for number in range(5):
        packed = msgpack.packb([f"old {number}", {"text": "x" * CHANNEL_BYTES}, None, None, None])
        shell.xadd(f"{tight.prefix}:stream1:{LOG}", {"e": packed})
    await drain(tight)
    assert await tight.depth(LOG) == 0
    assert await fill(tight) == 9
    shell.xadd(f"{tight.prefix}:stream1:{LOG}", {"e": msgpack.packb(["old", {}])})
    for delivery in list(await tight.take(ANNE, [LOG], count=100, wait=0))[4:]:
        await tight.commit(ANNE, delivery)
    assert await tight.depth(LOG) == 4
    assert counted(tight, shell) == await held(tight)
    assert await fill(tight) == 5


async def test_what_somebody_else_deletes_makes_room(tight: RedisLayer, shell: Redis) -> None:
    """As an older version does with each acknowledgement."""
    for _ in range(9):
        await tight.publish([large()])
    key = f"{tight.prefix}:stream1:{LOG}"
    shell.xdel(key, *list(await entries(tight))[:5])
    assert await fill(tight) == 5
    shell.delete(key)
    assert await fill(tight) == 9


async def test_a_full_channel_is_not_counted_again_with_each_refusal(tight: RedisLayer, shell: Redis) -> None:
    await fill(tight)
    moment = shell.hget(f"{tight.prefix}:sizes", f"!{LOG}")
    assert moment is not None
    # An entry as no version writes it: it would be found by counting again.
    shell.xadd(f"{tight.prefix}:stream1:{LOG}", {"e": "", "b": -50_000})
    assert await fill(tight) == 0
    assert shell.hget(f"{tight.prefix}:sizes", f"!{LOG}") == moment
    shell.hset(f"{tight.prefix}:sizes", f"!{LOG}", 1)
    assert await fill(tight) > 0


async def test_a_message_that_was_deleted_and_is_acknowledged_takes_nothing_off_twice(
    tight: RedisLayer, shell: Redis
) -> None:
    await tight.publish([large(), large()])
    delivery = await take(tight)
    before = counted(tight, shell)
    shell.xdel(f"{tight.prefix}:stream1:{LOG}", delivery.tag)
    assert await tight.commit(ANNE, delivery)
    assert counted(tight, shell) == before, "it stays counted until somebody counts again"
    await drain(tight)
    assert await fill(tight) == 9


async def test_a_redis_that_comes_back_with_old_data_or_none_counts_what_it_has(
    private_redis_server: PrivateRedis, lonely_shell: Redis
) -> None:
    layer = RedisLayer([private_redis_server.url], capacity_bytes=CHANNEL_BYTES, inbox_bytes=CHANNEL_BYTES)
    interface = await new_home(layer)
    for _ in range(4):
        await layer.publish([large()])
        await send(layer, interface, 1)
    lonely_shell.save()
    await fill(layer)
    await send(layer, interface, 9)
    with pytest.raises(InboxRemoved):
        await layer.beat(interface, 0)
    await layer.close()
    private_redis_server.kill()
    private_redis_server.start()
    assert await fill(layer) == 5
    assert (await layer.beat(interface, 0)).last == 4
    await send(layer, interface, 5)
    assert len(await inbox(layer, interface)) == 9
    lonely_shell.flushall()
    assert await fill(layer) == 9
    with pytest.raises(InboxLost) as lost:
        await layer.beat(interface, 0)
    assert not isinstance(lost.value, InboxRemoved)
    await layer.close()


# -- inboxes beside an older version


async def send(layer: Layer, interface: str, times: int) -> None:
    for _ in range(times):
        await layer.publish([Reply(new_reply_channel(interface), {"text": "x" * 10_500})])


async def test_the_inbox_of_an_older_interface_has_no_bound(tight: RedisLayer, shell: Redis) -> None:
    """It drops what it has read without saying so."""
    interface = await new_home(tight)
    key = f"{tight.prefix}:interface:{interface}"
    shell.hdel(key, "bytes", "dropped", "limit")
    await send(tight, interface, 20)
    assert len(await inbox(tight, interface)) == 20


async def test_what_was_dropped_by_hand_does_not_count(tight: RedisLayer, shell: Redis) -> None:
    interface = await new_home(tight)
    await send(tight, interface, 9)
    shell.xtrim(f"{tight.prefix}:inbox1:{interface}", minid="7-0")
    await send(tight, interface, 6)
    assert [entry.number for entry in await inbox(tight, interface)] == list(range(7, 16))
    await send(tight, interface, 1)
    with pytest.raises(InboxRemoved):
        await tight.beat(interface, 0)


async def test_entries_of_an_older_worker_in_an_inbox(tight: RedisLayer, shell: Redis) -> None:
    interface = await new_home(tight)
    key = f"{tight.prefix}:inbox1:{interface}"
    packed = msgpack.packb([msgpack.packb(["t", "room", 1])])
    for turn in range(8):
        number = shell.hincrby(f"{tight.prefix}:interface:{interface}", "last", 1)
        shell.xadd(key, {"p": packed}, id=f"{number}-0")
        await send(tight, interface, 3)
        await tight.read_inbox(interface, 4 * turn, wait=0, drop=True)
    assert [entry.number for entry in await inbox(tight, interface)] == [29, 30, 31, 32]


async def test_a_join_for_an_inbox_that_is_removed_leaves_nothing(tight: RedisLayer, shell: Redis) -> None:
    interface, socket = await new_home(tight), ""
    for n in range(12):
        socket = new_reply_channel(interface)
        await tight.publish([Join(socket, f"room.{n}"), Reply(socket, {"text": "x" * 10_500})])
    prefix = tight.prefix
    assert list(shell.scan_iter(f"{prefix}:group:*")) == []
    assert shell.hgetall(f"{prefix}:interface:{interface}") == {"removed": "1"}
    assert not shell.exists(f"{prefix}:inbox1:{interface}")
    await tight.close_inbox(interface)
    assert list(shell.scan_iter(f"{prefix}:*")) == []


async def test_a_server_that_forgot_the_scripts_drops_what_was_read_all_the_same(
    lonely_layer: RedisLayer, lonely_shell: Redis
) -> None:
    layer = lonely_layer
    interface = await new_home(layer)
    await send(layer, interface, 3)
    lonely_shell.script_flush()
    assert [entry.number for entry in await layer.read_inbox(interface, 2, wait=1, drop=True)] == [3]
    assert [entry.number for entry in await inbox(layer, interface)] == [3]


async def test_a_read_that_drops_is_cancelled_in_any_moment(layer: RedisLayer) -> None:
    interface = await new_home(layer)
    await send(layer, interface, 1)

    async def for_ever() -> None:
        while True:
            await layer.read_inbox(interface, 1, wait=0.01, drop=True)

    for turns in [random.randrange(60) for _ in range(150)]:
        task = asyncio.create_task(for_ever())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        _, pending = await asyncio.wait([task], timeout=PATIENCE)
        assert not pending, f"still running after a cancellation in turn {turns}"
    await send(layer, interface, 1)
    assert [entry.number for entry in await layer.read_inbox(interface, 1, wait=1, drop=True)] == [2]
    assert (await layer.beat(interface, 2)).last == 2


async def test_a_frame_of_a_removed_interface_is_handled_all_the_same(tight: RedisLayer) -> None:
    interface = await new_home(tight)
    socket = await new_socket(tight, interface)
    await join(tight, interface, "room")
    assert await outcome(tight, large_frame(socket, 1)) is Enqueued.QUEUED
    delivery = await take(tight, RECEIVE, BERT)
    await send(tight, interface, 12)
    again = await tight.take_over(ANNE, await pending_one(tight, RECEIVE))
    assert again is not None and not await tight.commit(BERT, delivery)
    assert await tight.commit(ANNE, again, [GroupMessage("room", {}), Reply(socket, {})])
    assert await outcome(tight, large_frame(socket, 1)) is Enqueued.DONE
