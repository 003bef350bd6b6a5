"""What the version before put into Redis is read, for while a deploy goes on both versions write there."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from redis import Redis

from switchboard.events import GroupMessage, InboxEntry, Join, Reply
from switchboard.layers.base import Enqueued, SocketState
from switchboard.layers.redis import RedisLayer
from switchboard.names import RECEIVE, new_reply_channel
from switchboard.testing.contract.acts import ANNE, LOG, MakeLayer, frame, inbox, new_home, note, outcome, take
from switchboard.testing.processes import PrivateRedis

pytestmark = pytest.mark.redis


async def test_events_without_the_fields_that_came_later(layer: RedisLayer, shell: Redis) -> None:
    interface = await new_home(layer)
    socket = new_reply_channel(interface)
    rows = [["g", "room", {"text": "x"}], ["j", socket, "room"]]
    packed = msgpack.packb([msgpack.packb(row) for row in rows])
    shell.xadd(f"{layer.prefix}:inbox1:{interface}", {"p": packed}, id="1-0")
    assert await inbox(layer, interface) == [InboxEntry(1, (GroupMessage("room", {"text": "x"}), Join(socket, "room")))]


async def test_fields_that_came_later_are_written_only_where_they_are_used(
    make_layer: MakeLayer, redis_server: PrivateRedis
) -> None:
    """The version before reads no event with more fields than it knows, and knows no ``expires_at``."""
    layer = make_layer()
    assert isinstance(layer, RedisLayer)
    interface = await new_home(layer)
    socket = new_reply_channel(interface)
    await layer.publish([Join(socket, "room"), GroupMessage("room", {"n": 1}, seq=3), Reply(socket, {"n": 2})])
    expiring = make_layer(expiry=60)
    assert isinstance(expiring, RedisLayer)
    await expiring.send(socket, {"n": 3})
    with Redis.from_url(redis_server.url) as shell:
        entries: Any = shell.xrange(f"{layer.prefix}:inbox1:{interface}")
    rows = [msgpack.unpackb(row) for _, fields in entries for row in msgpack.unpackb(fields[b"p"], raw=True)]
    assert rows[:3] == [["j", socket, "room"], ["g", "room", {"n": 1}, 3], ["r", socket, {"n": 2}]]
    assert [row[:3] for row in rows[3:]] == [["r", socket, {"n": 3}]]
    assert len(rows[3]) == 4
    await expiring.flush()
    for each in (layer, expiring):
        await each.close()


async def test_a_record_without_a_path_and_outside_the_list(layer: RedisLayer, shell: Redis) -> None:
    interface = await new_home(layer)
    socket = new_reply_channel(interface)
    shell.hset(f"{layer.prefix}:socket:{socket}", mapping={"sent": 3, "acked": 3})
    assert await outcome(layer, frame(socket, 3)) is Enqueued.DONE
    assert await layer.sockets_of(interface) == []
    # Its interface brings it back after the next reconnect, whole or not.
    await layer.restore([SocketState(socket, sent=3, acked=3, path="/")])
    assert await layer.sockets_of(interface) == [SocketState(socket, 3, 3)]


async def test_a_message_that_cannot_be_read_is_a_dead_letter(layer: RedisLayer, shell: Redis) -> None:
    await layer.publish([note(1)])
    shell.xadd(f"{layer.prefix}:stream1:{RECEIVE}", {"e": "of another version"})
    shell.xadd(f"{layer.prefix}:stream1:{RECEIVE}", {"nothing": "that is known"})
    await layer.take(ANNE, [RECEIVE], count=10, wait=0)
    assert await layer.depth(RECEIVE) == 0
    (letter,) = await layer.dead_letters()
    assert letter.envelope.channel == RECEIVE
    assert "can't be read" in letter.reason
    assert await layer.revive(letter.tag), "to be read by whoever can"
    entries = shell.xrange(f"{layer.prefix}:stream1:{RECEIVE}")
    assert entries is not None and [fields for _, fields in entries] == [{"e": "of another version"}]
    await layer.commit(ANNE, await take(layer, LOG))
