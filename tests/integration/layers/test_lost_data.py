"""Redis comes back empty, forgets scripts, or lost single entries: the layer mends itself or says what is lost."""

from __future__ import annotations

import asyncio
import logging

import pytest
from redis import Redis

from switchboard.events import Ack, GroupMessage, InboxEntry
from switchboard.exceptions import InboxLost, LayerUnavailable
from switchboard.layers.base import Enqueued
from switchboard.layers.redis import RedisLayer
from switchboard.names import RECEIVE
from switchboard.testing.contract.acts import (
    ANNE,
    BERT,
    LOG,
    PATIENCE,
    frame,
    inbox,
    join,
    new_home,
    new_socket,
    note,
    outcome,
    take,
)
from switchboard.testing.processes import PrivateRedis
from switchboard.testing.waiting import await_until

pytestmark = pytest.mark.redis


async def test_a_worker_that_waits_through_a_flush_gets_what_comes_after(
    lonely_layer: RedisLayer, lonely_shell: Redis
) -> None:
    layer = lonely_layer
    assert await layer.take(ANNE, [LOG], count=1, wait=0) == []
    waiting = asyncio.create_task(layer.take(ANNE, [LOG], count=1, wait=PATIENCE))
    await await_until(lambda: lonely_shell.info("clients")["blocked_clients"], "the worker waits")
    lonely_shell.flushall()
    await layer.publish([note(1)])
    (delivery,) = await waiting
    assert delivery.envelope.content == {"number": 1}
    assert await layer.commit(ANNE, delivery)


async def test_after_a_flush_everybody_can_tell(lonely_layer: RedisLayer, lonely_shell: Redis) -> None:
    layer = lonely_layer
    interface = await new_home(layer)
    socket = await new_socket(layer, interface)
    await layer.enqueue(frame(socket, 1))
    delivery = await take(layer, RECEIVE)
    lonely_shell.flushall()
    assert await outcome(layer, frame(socket, 2)) is Enqueued.UNKNOWN
    assert not await layer.commit(ANNE, delivery, [note()])
    assert list(await layer.renew(ANNE, [delivery])) == [delivery]
    assert await layer.pending([RECEIVE, LOG], idle=0) == []
    with pytest.raises(InboxLost):
        await layer.beat(interface, 1)
    assert lonely_shell.keys("*") == [], "none of this made anything"


async def test_a_server_that_forgot_the_scripts_gets_them_again(lonely_layer: RedisLayer, lonely_shell: Redis) -> None:
    await lonely_layer.publish([note(1)])
    lonely_shell.script_flush()
    await lonely_layer.publish([note(2)])
    assert await lonely_layer.depth(LOG) == 2


async def test_a_server_that_was_restarted_has_another_run_id(
    lonely_layer: RedisLayer, private_redis_server: PrivateRedis
) -> None:
    layer = lonely_layer
    interface = await new_home(layer)
    run_id = (await layer.beat(interface, 0)).run_id
    private_redis_server.kill()
    with pytest.raises(LayerUnavailable):
        await layer.beat(interface, 0)
    private_redis_server.start()
    with pytest.raises(InboxLost):
        await layer.beat(interface, 0)
    assert (await layer.open_inbox(interface)).run_id != run_id


async def test_after_a_restart_with_old_data_it_is_not_known_which_interfaces_live(
    lonely_layer: RedisLayer, lonely_shell: Redis, private_redis_server: PrivateRedis
) -> None:
    """One that came after the data were written down has yet to make itself known again."""
    layer = lonely_layer
    await new_home(layer)
    await layer.watch_interfaces(unbroken=60)
    assert await layer.known_interfaces(watched=0) is not None
    kept = {key: lonely_shell.dump(key) or b"" for key in lonely_shell.keys("*")}
    private_redis_server.kill()
    private_redis_server.start()
    for key, value in kept.items():
        lonely_shell.restore(key, 60_000, value)
    await await_until(lambda: _answers(layer), "Redis to answer")
    assert await layer.known_interfaces(watched=0) is None
    await layer.watch_interfaces(unbroken=60)
    assert await layer.known_interfaces(watched=0) is not None
    assert await layer.known_interfaces(watched=30) is None


async def _answers(layer: RedisLayer) -> bool:
    try:
        await layer.verify()
    except LayerUnavailable:
        return False
    return True


async def test_a_deleted_entry_is_not_taken_over_and_no_longer_pending(layer: RedisLayer, shell: Redis) -> None:
    await layer.publish([note()])
    delivery = await take(layer)
    (seen,) = await layer.pending([LOG], idle=0)
    (key,) = shell.scan_iter(f"*{layer.prefix}:stream1:{LOG}")
    shell.xdel(key, delivery.tag)
    assert await layer.take_over(BERT, seen) is None
    assert await layer.pending([LOG], idle=0) == []


async def test_a_vanished_interface_is_dropped_from_the_group(layer: RedisLayer, shell: Redis) -> None:
    gone, here = await new_home(layer), await new_home(layer)
    for interface in (gone, here):
        await join(layer, interface, "room")
    prefix = layer.prefix
    shell.delete(f"{prefix}:interface:{gone}", f"{prefix}:inbox1:{gone}")
    await layer.publish([GroupMessage("room", {})])
    assert shell.smembers(f"{prefix}:group:room") == {here}
    assert not shell.exists(f"{prefix}:inbox1:{gone}")
    assert len(await inbox(layer, here, 1)) == 1


async def test_a_message_that_cannot_be_read_is_given_up_and_the_socket_goes_on(
    layer: RedisLayer, shell: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    interface = await new_home(layer)
    socket = await new_socket(layer, interface)
    # What a release with another wire would have put there.
    key = f"{layer.prefix}:stream1:{RECEIVE}"
    shell.hset(f"{layer.prefix}:socket:{socket}", "sent", 1)
    shell.xadd(key, {"e": "not of this version", "k": socket, "o": 1})
    await layer.publish([note(2, RECEIVE)])
    with caplog.at_level(logging.ERROR):
        received = await layer.take(ANNE, [RECEIVE], count=10, wait=PATIENCE)
    assert [delivery.envelope.content for delivery in received] == [{"number": 2}]
    assert "can't be read" in caplog.text
    assert await inbox(layer, interface, 1) == [InboxEntry(2, (Ack(socket, 1, failed=True),), socket, 1)]
    assert await outcome(layer, frame(socket, 2)) is Enqueued.QUEUED


async def test_a_cancelled_receive_loses_nothing(layer: RedisLayer) -> None:
    total = 60
    received = 0
    for number in range(total):
        waiting = asyncio.create_task(layer.take(ANNE, [LOG], count=1, wait=PATIENCE))
        sending = asyncio.create_task(layer.publish([note(number)]))
        await asyncio.wait([sending])
        waiting.cancel()
        (outcome,) = await asyncio.gather(waiting, return_exceptions=True)
        received += 0 if isinstance(outcome, BaseException) else len(outcome)
    assert await layer.depth(LOG) == total
    unread = await layer.take(ANNE, [LOG], count=total, wait=0)
    pending = await layer.pending([LOG], idle=0)
    assert len(pending) == total, "received, pending or still there: each is one of them"
    assert received + len(unread) <= total
    for seen in pending:
        assert await layer.take_over(BERT, seen) is not None
