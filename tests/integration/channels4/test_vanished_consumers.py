"""Nothing is kept for Channels consumers that are gone, and everything for those that are not.

Channels' specification: a membership lives as long as its connection does, and may end when a message was not consumed
in time; it ends ``group_expiry`` after the last `group_add` at the latest. channels-redis cleans up by these two times
alone, and its pub/sub layer as soon as a ``receive`` is cancelled. For ours see `switchboard.layers.mailroom`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import channel_layers
from channels.testing import WebsocketCommunicator
from pytest_django import Settings
from redis import Redis

from switchboard.events import GroupMessage
from switchboard.layers import drop_in, mailroom
from switchboard.layers.drop_in import ChannelsLayer
from switchboard.layers.mailroom import MAX_IDLE, UNREAD_LIMIT
from switchboard.layers.memory import MemoryLayer
from switchboard.layers.redis import RedisLayer
from switchboard.names import interface_of
from switchboard.testing.contract.acts import PATIENCE, new_home, new_socket
from switchboard.testing.contract.channel_layers import heard
from switchboard.testing.processes import PrivateRedis
from switchboard.testing.waiting import await_until
from tests.integration.channels4.conftest import Clock


@asynccontextmanager
async def receiving(layer: ChannelsLayer, channel: str) -> AsyncIterator[None]:
    """While the block runs, a consumer waits for messages on ``channel``; then its ``receive`` is cancelled."""

    async def consume() -> None:
        while True:
            await layer.receive(channel)

    consumer = asyncio.create_task(consume())
    await asyncio.sleep(0)
    try:
        yield
    finally:
        consumer.cancel()
        await asyncio.wait([consumer])


async def is_in_group(layer: ChannelsLayer, channel: str, group: str) -> bool:
    """Whether the layer brings a group's messages to the mailroom of ``channel``."""
    room = interface_of(channel)
    before = (await layer.beat(room, 0)).last
    await layer.publish([GroupMessage(group, {"type": "are.you.there"})])
    return (await layer.beat(room, 0)).last > before


def box(layer: ChannelsLayer, channel: str) -> mailroom.Box | None:
    """What the process knows of ``channel``."""
    room = layer._mailroom_of(channel)
    assert room is not None
    return room._boxes.get(channel)


# -- leaving groups


async def test_the_last_member_takes_its_mailroom_out_of_the_group(ours: ChannelsLayer) -> None:
    """channels-redis removes a channel from the group's set with its `group_discard`; so do ours."""
    one, other = await ours.new_channel(), await ours.new_channel()
    async with receiving(ours, one), receiving(ours, other):
        for name in (one, other):
            await ours.group_add("tea", name)
        await ours.group_discard("tea", one)
        assert await is_in_group(ours, one, "tea"), "another one is a member"
        await ours.group_discard("tea", other)

        async def left() -> bool:
            return not await is_in_group(ours, one, "tea")

        await await_until(left, "the mailroom left the group")


async def test_also_where_nobody_receives(ours: ChannelsLayer) -> None:
    name = await ours.new_channel()
    await ours.group_add("tea", name)
    assert await is_in_group(ours, name, "tea")
    await ours.group_discard("tea", name)
    assert not await is_in_group(ours, name, "tea")


async def test_who_joins_again_is_a_member(ours: ChannelsLayer) -> None:
    name = await ours.new_channel()
    async with receiving(ours, await ours.new_channel()):
        for number in range(20):
            await ours.group_add("tea", name)
            await ours.group_send("tea", {"type": "a", "n": number})
            await ours.group_discard("tea", name)
        assert [(await heard(ours, name))["n"] for _ in range(20)] == list(range(20))


# -- consumers that vanished


async def test_a_consumer_that_ended_without_leaving_is_forgotten(ours: ChannelsLayer, clock: Clock) -> None:
    """Channels cancels the ``receive`` of a consumer that ends; after that an unread message ends its memberships."""
    gone, stays = await ours.new_channel(), await ours.new_channel()
    async with receiving(ours, stays):
        await ours.group_add("tea", gone)
        async with receiving(ours, gone):
            pass
        await ours.group_send("tea", {"type": "a"})
        await ours.send(gone, {"type": "b"})
        await await_until(lambda: (kept := box(ours, gone)) and len(kept.messages) == 2, "its messages are read")
        clock.ahead += UNREAD_LIMIT
        await await_until(lambda: box(ours, gone) is None, "it is forgotten")

        async def left() -> bool:
            return not await is_in_group(ours, gone, "tea")

        await await_until(left, "the mailroom left its group")


async def test_a_consumer_in_a_long_handler_is_not(ours: ChannelsLayer, clock: Clock) -> None:
    """Its last ``receive`` gave it a message: it may be busy with that for hours."""
    busy, stays = await ours.new_channel(), await ours.new_channel()
    async with receiving(ours, stays):
        await ours.group_add("tea", busy)
        await ours.send(busy, {"type": "task"})
        await heard(ours, busy)
        await ours.group_send("tea", {"type": "news"})
        await sweep(ours, stays, clock, 3600)
        await ours.group_send("tea", {"type": "more.news"})
        assert [(await heard(ours, busy))["type"] for _ in range(2)] == ["news", "more.news"]


async def test_nor_is_one_that_looks_for_messages_now_and_then(ours: ChannelsLayer, clock: Clock) -> None:
    """Where no message waited for too long, the specification has memberships stay."""
    name, stays = await ours.new_channel(), await ours.new_channel()
    async with receiving(ours, stays):
        await ours.group_add("tea", name)
        for _ in range(3):
            async with receiving(ours, name):
                pass
            await sweep(ours, stays, clock, 10 * UNREAD_LIMIT)
        await ours.group_send("tea", {"type": "news"})
        assert await heard(ours, name) == {"type": "news"}


async def test_whoever_receives_no_more_is_forgotten_after_group_expiry(
    make_ours: Callable[..., ChannelsLayer], clock: Clock
) -> None:
    ours = make_ours(group_expiry=1000)
    failed, stays = await ours.new_channel(), await ours.new_channel()
    async with receiving(ours, stays):
        await ours.group_add("tea", failed)
        await ours.group_add("coffee", failed)
        await ours.send(failed, {"type": "task"})
        await heard(ours, failed)
        await sweep(ours, stays, clock, 999)
        assert box(ours, failed) is not None
        await sweep(ours, stays, clock, 2)
        await await_until(lambda: box(ours, failed) is None, "it is forgotten")

        async def left() -> bool:
            return not (await is_in_group(ours, failed, "tea") or await is_in_group(ours, failed, "coffee"))

        await await_until(left, "the mailroom left its groups")
    await ours.flush()
    await ours.close()


async def test_of_very_many_idle_ones_the_longest_idle_are_forgotten(
    ours: ChannelsLayer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that makes consumers fail one after the other fills no process."""
    assert MAX_IDLE >= 1000
    monkeypatch.setattr(mailroom, "MAX_IDLE", 3)
    stays, idle = await ours.new_channel(), [await ours.new_channel() for _ in range(6)]
    async with receiving(ours, stays):
        for name in idle:
            await ours.group_add("tea", name)
            await ours.send(name, {"type": "task"})
            await heard(ours, name)
        await sweep(ours, stays, clock, UNREAD_LIMIT / 2)
        assert all(box(ours, name) for name in idle), "not before their time"
        await sweep(ours, stays, clock, UNREAD_LIMIT)
        assert [box(ours, name) is not None for name in idle] == [False] * 3 + [True] * 3


async def sweep(layer: ChannelsLayer, who: str, clock: Clock, seconds: float) -> None:
    """Let time pass, and see the mailroom in which ``who`` waits looked through."""
    room = layer._mailroom_of(who)
    assert room is not None
    clock.ahead += seconds
    since = clock()
    await await_until(lambda: room._swept_at >= since, "the mailroom is looked through")


# -- mailrooms


async def test_who_comes_after_a_pause_misses_nothing(ours: ChannelsLayer, clock: Clock) -> None:
    """A worker has closed the inbox while nobody received: what a new consumer joins must not be lost with it."""
    name = await ours.new_channel()
    await ours.group_add("tea", name)
    await ours.close_inbox(interface_of(name))
    clock.ahead += 60
    late = await ours.new_channel()
    await ours.group_add("tea", late)
    await ours.group_send("tea", {"type": "news"})
    assert await heard(ours, late) == {"type": "news"}
    assert await heard(ours, name) == {"type": "news"}, "and who was a member before is one again"


async def test_the_inbox_of_a_dead_process_is_closed_by_another_one(
    make_ours: Callable[..., ChannelsLayer], settings: Settings, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    """Without any worker. What has sockets is left to workers, who report them."""
    settings.SWITCHBOARD = {"INTERFACE_LEASE": 0.3}
    monkeypatch.setattr(mailroom, "BEAT_EVERY", 0.05)
    ours = make_ours()
    dead = make_ours() if ours.crosses_processes else ours
    room = interface_of(gone := await dead.new_channel("dead"))
    await dead.group_add("tea", gone)
    await new_socket(ours, with_sockets := await new_home(ours))
    name = await ours.new_channel()
    async with receiving(ours, name):

        async def closed() -> bool:
            return room not in await ours.interface_beats()

        await await_until(closed, "the inbox is closed")

        async def is_late() -> bool:
            return (await ours.watch_interfaces(unbroken=15))[with_sockets] >= 0.3

        await await_until(is_late, "the interface is taken for dead as well")
        await sweep(ours, name, clock, 1)
        await sweep(ours, name, clock, 1)
        for alive in (with_sockets, interface_of(name)):
            await ours.beat(alive, 0)
    for layer in (ours, dead):
        await layer.flush()
        await layer.close()


async def test_a_loop_that_ends_leaves_nothing(ours: ChannelsLayer) -> None:
    async def visit() -> None:
        name = await ours.new_channel()
        await ours.group_add("tea", name)
        await ours.send("named", {"type": "a"})
        await ours.receive("named")

    await asyncio.to_thread(asyncio.run, visit())
    assert await ours.interface_beats() == {}


async def test_prefixes_that_nobody_uses_any_more_are_forgotten(
    ours: ChannelsLayer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drop_in, "MAX_MAILROOMS", 3)
    member = await ours.new_channel("prefix.of.a.member")
    await ours.group_add("tea", member)
    for number in range(5):
        await ours.new_channel(f"prefix.{number}")
        clock.ahead += UNREAD_LIMIT
    assert len(await ours.interface_beats()) <= 3
    await ours.group_send("tea", {"type": "news"})
    assert await heard(ours, member) == {"type": "news"}


# -- everything


class Careless(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Joins groups and leaves none; fails when it is told to, also by its group."""

    async def connect(self) -> None:
        for group in ("tea", "coffee"):
            await self.channel_layer.group_add(group, self.channel_name)
        await self.accept()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if text_data == "fail":
            raise ZeroDivisionError
        await self.channel_layer.group_send("tea", {"type": "said", "text": text_data})

    async def said(self, event: dict[str, Any]) -> None:
        if event["text"] == "careless ones fail" and not isinstance(self, Careful):
            raise ZeroDivisionError
        await self.send(text_data=event["text"])


class Careful(Careless):
    """Leaves its groups."""

    async def disconnect(self, code: int) -> None:
        for group in ("tea", "coffee"):
            await self.channel_layer.group_discard(group, self.channel_name)


@pytest.fixture
def named(ours: ChannelsLayer) -> Iterator[ChannelsLayer]:
    """The layer, as consumers find it."""
    before = channel_layers.set("default", ours)
    yield ours
    channel_layers.backends.pop("default")
    if before is not None:
        channel_layers.set("default", before)


async def enter(consumer: Any) -> WebsocketCommunicator:
    communicator = WebsocketCommunicator(consumer.as_asgi(), "/")
    connected, _ = await communicator.connect(PATIENCE)
    assert connected
    return communicator


async def leave_all(sockets: list[WebsocketCommunicator]) -> None:
    for socket in sockets:
        with contextlib.suppress(ZeroDivisionError):
            await socket.disconnect(timeout=PATIENCE)


async def test_after_many_came_and_went_everything_is_empty(
    named: ChannelsLayer, clock: Clock, request: pytest.FixtureRequest
) -> None:
    for round_ in range(3):
        sockets = [await enter(consumer) for consumer in (Careless, Careful) * 4]
        await sockets[0].send_to(text_data=f"round {round_}")
        for socket in sockets:
            assert await socket.receive_from(PATIENCE) == f"round {round_}"
        await sockets[0].send_to(text_data="fail")
        await sockets[1].send_to(text_data="careless ones fail")
        await leave_all(sockets)
    # One that stays for as long as it takes to see that the others are gone.
    last = await enter(Careful)
    await last.send_to(text_data="are you there")
    assert await last.receive_from(PATIENCE) == "are you there"
    clock.ahead += named.group_expiry
    [room] = named._mailrooms[asyncio.get_running_loop()].values()
    await await_until(lambda: len(room._boxes) == 1 and not room._deserted, "the others are forgotten")
    await last.disconnect(timeout=PATIENCE)
    assert (room._boxes, room._groups, room._deserted) == ({}, {}, set())
    await named.close()
    if isinstance(named, MemoryLayer):
        state = named._state
        assert (state.groups, state.inboxes, state.interfaces, state.member_channels) == ({}, {}, {}, {})
    else:
        assert isinstance(named, RedisLayer)
        server: PrivateRedis = request.getfixturevalue("redis_server")
        with Redis.from_url(server.url, decode_responses=True) as shell:
            assert {key.removeprefix(named.prefix) for key in shell.scan_iter(f"{named.prefix}:*")} <= {":watched"}


async def test_named_members_leave_nothing_but_their_streams(
    ours: ChannelsLayer, request: pytest.FixtureRequest
) -> None:
    for name in ("one", "two"):
        await ours.group_add("tea", name)
    await ours.group_send("tea", {"type": "a"})
    for name in ("one", "two"):
        await heard(ours, name)
        await ours.group_discard("tea", name)
    await ours.close()
    if isinstance(ours, MemoryLayer):
        assert ours._state.member_channels == {}
    else:
        assert isinstance(ours, RedisLayer)
        server: PrivateRedis = request.getfixturevalue("redis_server")
        with Redis.from_url(server.url, decode_responses=True) as shell:
            streams = [f"{ours.prefix}:stream1:{name}" for name in ("one", "two")]
            assert set(shell.scan_iter(f"{ours.prefix}:*")) == {*streams, f"{ours.prefix}:channels"}
            assert [shell.xlen(stream) for stream in streams] == [0, 0]
            assert [shell.xinfo_groups(stream)[0]["consumers"] for stream in streams] == [0, 0]


async def test_a_named_member_that_nobody_adds_again_is_none_after_group_expiry(
    make_ours: Callable[..., ChannelsLayer],
) -> None:
    """The specification: a membership ends a configurable time after the most recent `group_add`."""
    ours = make_ours(group_expiry=1)
    await ours.group_add("tea", "named")
    await ours.group_send("tea", {"type": "early"})
    assert await heard(ours, "named") == {"type": "early"}

    async def is_none() -> bool:
        await ours.group_add("tea", "another")
        await ours.group_send("tea", {"type": "late"})
        before = await ours.depth("named")
        await ours.group_send("tea", {"type": "late"})
        return await ours.depth("named") == before

    await await_until(is_none, "the membership is over")
    assert await ours.depth("another") > 0
    await ours.flush()
    await ours.close()
