"""Each call is one command to Redis, however much it does there."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
from redis import Redis
from redis.asyncio.connection import AbstractConnection

from switchboard.events import GroupMessage, Join, Output, Reply
from switchboard.layers.base import Commit, Delivery, SocketState
from switchboard.layers.redis import RedisLayer
from switchboard.names import CONNECT, HTTP_REQUEST, RECEIVE, new_interface, new_reply_channel
from switchboard.testing.contract.acts import ANNE, BERT, LOG, frame, join, new_home, new_socket, note, take
from switchboard.testing.contract.requests import request
from switchboard.testing.processes import PrivateRedis

pytestmark = pytest.mark.redis


class Counter:
    """Counts what clients ask of a server that nobody else uses; what scripts do inside does not count."""

    def __init__(self, watcher: Redis, marker: Redis) -> None:
        self._watcher = watcher
        self._marker = marker

    async def commands(self, call: Coroutine[Any, Any, Any]) -> list[str]:
        """The commands, as MONITOR shows them, that `call` sends."""
        self._marker.ping()  # connected from now on; connecting is commands too
        with self._watcher.monitor() as monitor:  # type: ignore[no-untyped-call]
            await call
            self._marker.echo("that was all")
            seen: list[dict[str, str]] = []
            while not (line := monitor.next_command())["command"].startswith("ECHO"):
                seen.append(line)
        return [line["command"].split()[0] for line in seen if line["client_type"] != "lua"]


@pytest.fixture
def counter(private_redis_server: PrivateRedis) -> Iterator[Counter]:
    with Redis.from_url(private_redis_server.url) as watcher, Redis.from_url(private_redis_server.url) as marker:
        yield Counter(watcher, marker)


async def _everything_once(layer: RedisLayer) -> tuple[str, str]:
    """Connections are open, scripts are known, consumer groups exist; an interface and a socket."""
    interface = await new_home(layer)
    socket = await new_socket(layer, interface)
    for channel in (RECEIVE, LOG, HTTP_REQUEST):
        await layer.take(ANNE, [channel], count=1, wait=0)
    await layer.enqueue(frame(socket, 1))
    await take(layer, RECEIVE)
    (seen,) = await layer.pending([RECEIVE], idle=0)
    delivery = await layer.take_over(BERT, seen)
    assert delivery is not None
    await layer.begin(BERT, delivery)
    await layer.renew(BERT, [delivery])
    await layer.commit(BERT, delivery)
    await layer.request(request(interface), timeout=60)
    await layer.claim_request(ANNE, await take(layer, HTTP_REQUEST))
    await join(layer, interface, "room")
    await layer.leave(interface, "room", 0)
    await layer.beat(interface, 0)
    await layer.report_written(socket, 1)
    await layer.retire("worker.none", [RECEIVE])
    await layer.restore([SocketState(socket, 1, 1)])
    await layer.rejoin(interface, ["room"])
    await layer.sockets_of(interface)
    await layer.watch_interfaces(unbroken=1)
    await layer.forgive(ANNE, delivery)
    await layer.revive("1-1")
    await layer.has_room(LOG)
    await layer.close_inbox(new_interface())
    return interface, socket


async def test_what_interfaces_ask(lonely_layer: RedisLayer, counter: Counter) -> None:
    layer = lonely_layer
    interface, socket = await _everything_once(layer)
    for call in (
        layer.enqueue(frame(socket, 2)),
        layer.enqueue_many([frame(new_reply_channel(interface), 0, CONNECT) for _ in range(200)]),
        layer.request(request(interface), timeout=60),
        layer.beat(interface, 1),
        layer.leave(interface, "room", 99),
        layer.report_written(socket, 5),
        layer.open_inbox(new_interface()),
        layer.close_inbox(new_interface()),
        layer.restore([SocketState(new_reply_channel(interface), 1, 1) for _ in range(200)]),
        layer.rejoin(interface, [f"room.{n}" for n in range(200)]),
    ):
        assert await counter.commands(call) == ["EVALSHA"], call
    assert await counter.commands(layer.read_inbox(interface, 0, wait=1)) == ["XREAD"]
    assert await counter.commands(layer.has_room(LOG)) == ["EVALSHA"]


async def test_a_read_that_drops_is_one_round_trip(
    lonely_layer: RedisLayer, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = lonely_layer
    interface, socket = await _everything_once(layer)
    await layer.read_inbox(interface, 1, wait=0, drop=True)
    await layer.publish([Reply(socket, {})])
    sent: list[str] = []
    send = AbstractConnection.send_packed_command

    async def spy(self: AbstractConnection, command: Any, *args: Any, **options: Any) -> None:
        sent.append("sent")
        await send(self, command, *args, **options)

    monkeypatch.setattr(AbstractConnection, "send_packed_command", spy)
    assert await counter.commands(layer.read_inbox(interface, 1, wait=1, drop=True)) == ["EVALSHA", "XREAD"]
    assert sent == ["sent"]


async def test_a_batch_is_taken_and_committed_by_two_commands(lonely_layer: RedisLayer, counter: Counter) -> None:
    layer = lonely_layer
    interface, _ = await _everything_once(layer)
    sockets = [await new_socket(layer, interface) for _ in range(100)]
    await layer.enqueue_many([frame(socket, 1) for socket in sockets])
    taken: list[Delivery] = []

    async def take_all() -> None:
        taken.extend(await layer.take(ANNE, [RECEIVE], count=100, wait=1))

    assert await counter.commands(take_all()) == ["XREADGROUP"] and len(taken) == 100
    commits = [Commit(d, [GroupMessage("room", {"text": "hi"}), Reply(str(d.envelope.socket), {})]) for d in taken]
    assert await counter.commands(layer.commit_all(ANNE, commits)) == ["EVALSHA"]


async def test_what_workers_ask(lonely_layer: RedisLayer, counter: Counter) -> None:
    layer = lonely_layer
    interface, socket = await _everything_once(layer)
    await layer.enqueue(frame(socket, 2))
    assert await counter.commands(layer.take(ANNE, [RECEIVE, LOG, CONNECT], count=9, wait=1)) == ["XREADGROUP"]
    (seen,) = await layer.pending([RECEIVE], idle=0)
    delivery = await layer.take_over(ANNE, seen)
    assert delivery is not None
    outputs: list[Output] = [Join(socket, "room"), GroupMessage("room", {}), Reply(socket, {}), note(1), note(2)]
    for call in (
        layer.renew(ANNE, [delivery] * 3),
        layer.begin(ANNE, delivery),
        layer.forgive(ANNE, delivery),
        layer.pending([RECEIVE, LOG], idle=1),
        layer.take_over(BERT, seen),
        layer.commit(ANNE, delivery, outputs, session={"a": 1}),
        layer.publish(outputs),
        layer.retire(BERT, [RECEIVE, LOG]),
    ):
        assert await counter.commands(call) == ["EVALSHA"], call
    assert await counter.commands(layer.await_report(socket, wait=1)) == ["BLPOP"]
    await layer.request(request(interface), timeout=60)
    claim = layer.claim_request(ANNE, await take(layer, HTTP_REQUEST))
    assert await counter.commands(claim) == ["EVALSHA"]


async def test_what_is_asked_about_the_dead(lonely_layer: RedisLayer, counter: Counter) -> None:
    layer = lonely_layer
    interface, socket = await _everything_once(layer)
    await layer.enqueue(frame(socket, 2))
    bury = layer.bury(ANNE, await take(layer, RECEIVE), [note()], reason="enough")
    assert await counter.commands(bury) == ["EVALSHA"]
    (letter,) = await layer.dead_letters()
    assert await counter.commands(layer.dead_letters()) == ["XRANGE"]
    assert await counter.commands(layer.revive(letter.tag)) == ["EVALSHA"]
    assert await counter.commands(layer.drop_dead_letter(letter.tag)) == ["XDEL"]
    assert await counter.commands(layer.interface_beats()) == ["HGETALL"]
    assert await counter.commands(layer.watch_interfaces(unbroken=1)) == ["EVALSHA"]
    assert await counter.commands(layer.sockets_of(interface)) == ["EVALSHA"]


async def test_a_group_message_is_one_append_for_each_interface(lonely_layer: RedisLayer, lonely_shell: Redis) -> None:
    layer = lonely_layer
    for _ in range(3):
        interface = await new_home(layer)
        for _ in range(20):
            await join(layer, interface, "room")
    before = lonely_shell.info("commandstats")["cmdstat_xadd"]["calls"]
    await layer.publish([GroupMessage("room", {"n": n}) for n in range(10)])
    assert lonely_shell.info("commandstats")["cmdstat_xadd"]["calls"] - before == 3
