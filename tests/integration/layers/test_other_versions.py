"""Entries of an older and of a newer version of the wire are read: during a deploy both versions write there.

An older writer leaves out trailing elements of a list and fields of an entry. A newer one adds some at the end, and may
send events of a kind that is unknown here.
"""

from __future__ import annotations

import logging
from typing import Any

import msgpack
import pytest
from redis import Redis

from switchboard.events import Envelope, GroupMessage, InboxEntry, Join, Reply
from switchboard.layers.base import Enqueued, SocketState
from switchboard.layers.redis import RedisLayer
from switchboard.names import CONNECT, DISCONNECT, RECEIVE, new_reply_channel
from switchboard.testing.contract.acts import (
    ANNE,
    LOG,
    MakeLayer,
    frame,
    handle,
    inbox,
    join,
    new_home,
    new_socket,
    note,
    outcome,
    take,
)
from switchboard.testing.processes import PrivateRedis

pytestmark = pytest.mark.redis


def append(shell: Redis, key: str, fields: dict[str, Any], id: str = "*") -> None:
    """XADD, without the narrower types of the client."""
    words = [word for pair in fields.items() for word in pair]
    shell.execute_command("XADD", key, id, *words)  # type: ignore[no-untyped-call]


def write_message(shell: Redis, layer: RedisLayer, row: list[Any], channel: str = LOG, **fields: Any) -> None:
    """Append an entry to a channel as another version would."""
    append(shell, f"{layer.prefix}:stream1:{channel}", {"e": msgpack.packb(row), **fields})


def write_events(shell: Redis, layer: RedisLayer, interface: str, *rows: list[Any], **fields: Any) -> None:
    """Append an entry to an inbox as another version would."""
    number = shell.hincrby(f"{layer.prefix}:interface:{interface}", "last", 1)
    packed = msgpack.packb([msgpack.packb(row) for row in rows])
    append(shell, f"{layer.prefix}:inbox1:{interface}", {"p": packed, **fields}, f"{number}-0")


# -- messages on named channels


async def test_a_message_with_fewer_elements(layer: RedisLayer, shell: Redis) -> None:
    write_message(shell, layer, ["id", {"n": 1}])
    assert (await take(layer)).envelope == Envelope(LOG, "id", {"n": 1})


async def test_a_message_with_more_elements_and_fields(layer: RedisLayer, shell: Redis) -> None:
    write_message(shell, layer, ["id", {"n": 1}, None, None, {"s": 2}, "later", {"even": "later"}], z="new", u="x")
    delivery = await take(layer)
    assert delivery.envelope == Envelope(LOG, "id", {"n": 1}, session={"s": 2})
    assert await layer.commit(ANNE, delivery)
    assert await layer.depth(LOG) == 0
    assert await layer.dead_letters() == []


async def test_a_socket_message_with_more_elements_is_acknowledged(layer: RedisLayer, shell: Redis) -> None:
    interface = await new_home(layer)
    socket = await new_socket(layer, interface)
    shell.hset(f"{layer.prefix}:socket:{socket}", "sent", 1)
    write_message(shell, layer, ["id", {}, socket, 1, None, "later"], RECEIVE, k=socket, o=1, z="new")
    delivery = await take(layer, RECEIVE)
    assert await layer.commit(ANNE, delivery, [Reply(socket, {"text": "hi"})])
    (entry,) = await inbox(layer, interface, 1)
    assert (entry.socket, entry.order) == (socket, 1)


# -- inboxes


async def test_events_without_the_fields_that_came_later(layer: RedisLayer, shell: Redis) -> None:
    interface = await new_home(layer)
    socket = new_reply_channel(interface)
    write_events(shell, layer, interface, ["g", "room", {"text": "x"}], ["j", socket, "room"])
    assert await inbox(layer, interface) == [InboxEntry(1, (GroupMessage("room", {"text": "x"}), Join(socket, "room")))]


async def test_events_with_fields_that_are_not_known_yet(layer: RedisLayer, shell: Redis) -> None:
    interface = await new_home(layer)
    socket = new_reply_channel(interface)
    rows: list[list[Any]] = [["g", "room", {"text": "x"}, 7, None, "later"], ["r", socket, {"text": "y"}, None, 2, 3]]
    write_events(shell, layer, interface, *rows, z="new")
    events = GroupMessage("room", {"text": "x"}, 7), Reply(socket, {"text": "y"})
    assert await inbox(layer, interface) == [InboxEntry(1, events)]


async def test_an_unknown_kind_of_event_is_skipped_and_logged_once(
    layer: RedisLayer, shell: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    interface = await new_home(layer)
    for n in range(3):
        write_events(shell, layer, interface, ["x", "what", "is", "that"], ["g", "room", {"n": n}])
    write_events(shell, layer, interface, ["y"])
    with caplog.at_level(logging.WARNING):
        entries = await inbox(layer, interface)
    assert [entry.events for entry in entries] == [*((GroupMessage("room", {"n": n}),) for n in range(3)), ()]
    assert [record.getMessage().partition(";")[0] for record in caplog.records] == [
        "inbox: event of the unknown kind 'x' skipped",
        "inbox: event of the unknown kind 'y' skipped",
    ]
    assert not any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize("fields", [{"z": "new"}, {"p": b"\xc1"}, {"p": msgpack.packb({"not": "a list"})}])
async def test_an_entry_whose_events_cannot_be_found_counts_as_empty(
    layer: RedisLayer, shell: Redis, fields: dict[str, Any]
) -> None:
    """A hole in the numbers would make the interface recover, again and again."""
    interface = await new_home(layer)
    shell.hset(f"{layer.prefix}:interface:{interface}", "last", 1)
    append(shell, f"{layer.prefix}:inbox1:{interface}", fields, "1-0")
    await join(layer, interface, "room")
    assert [(entry.number, len(entry.events)) for entry in await inbox(layer, interface)] == [(1, 0), (2, 1)]


# -- records


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


async def test_a_record_with_fields_that_are_not_known_yet(layer: RedisLayer, shell: Redis) -> None:
    interface = await new_home(layer)
    socket = new_reply_channel(interface)
    await handle(layer, frame(socket, 0, CONNECT))
    shell.hset(f"{layer.prefix}:socket:{socket}", "later", "new")
    await handle(layer, frame(socket, 1))
    assert await layer.sockets_of(interface) == [SocketState(socket, 1, 1)]
    await layer.restore([SocketState(socket, sent=2, acked=2)])
    assert shell.hget(f"{layer.prefix}:socket:{socket}", "later") == "new", "it is left to those who know it"
    await handle(layer, frame(socket, 3, DISCONNECT))
    assert not shell.exists(f"{layer.prefix}:socket:{socket}")


# -- dead letters


async def test_dead_letters_with_fewer_and_with_more_fields(layer: RedisLayer, shell: Redis) -> None:
    key = f"{layer.prefix}:deadletters"
    shell.xadd(key, {"c": LOG, "e": msgpack.packb(["old", {"n": 1}])})
    shell.xadd(key, {"c": LOG, "e": msgpack.packb(["new", {"n": 2}, None, None, None, 9]), "r": "why", "z": "new"})
    older, newer = await layer.dead_letters()
    assert (older.envelope, older.reason) == (Envelope(LOG, "old", {"n": 1}), "")
    assert (newer.envelope, newer.reason) == (Envelope(LOG, "new", {"n": 2}), "why")
    for letter in (older, newer):
        assert await layer.revive(letter.tag)
        assert (await take(layer)).envelope == letter.envelope


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
    entries = shell.xrange(f"{layer.prefix}:stream1:{RECEIVE}") or []
    assert [dict(fields or {})["e"] for _, fields in entries] == ["of another version"]
    await layer.commit(ANNE, await take(layer, LOG))


# -- between hosts


async def test_an_unknown_kind_of_output_from_another_host_is_left_out(layer: RedisLayer, shell: Redis) -> None:
    interface = await new_home(layer)
    words = ["x", interface, "", b"what is that", "i", interface, "", msgpack.packb(["r", f"{interface}!a", {"n": 1}])]
    packed = msgpack.packb(words, use_bin_type=False)
    (host,) = layer.shards
    await host._run("receive", 1, "1-0", packed)  # type: ignore[attr-defined]
    assert await inbox(layer, interface) == [InboxEntry(1, (Reply(f"{interface}!a", {"n": 1}),))]
