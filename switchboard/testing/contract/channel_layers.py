"""What Channels' consumers may count on, whatever layer of the specification lies under them.

The rest of the suite is about layers with workers. This part is about the face that ours share with the layers of
Channels and channels-redis, so it runs over those as well: nothing in here is ours alone. What not all of them promise
is in `channel_promises`, one class for each promise, and a layer is held to those that it makes::

    class TestMyLayer(ChannelLayerContract, AcrossLoops):
        @pytest.fixture
        def make_layer(self):
            return MyLayer

``make_layer`` takes ``capacity`` and ``channel_capacity``; the layers made in one test share what they hold, if layers
of this kind do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

import pytest
from asgiref.sync import async_to_sync
from channels.exceptions import ChannelFull

from switchboard.testing.contract.acts import PATIENCE
from switchboard.testing.waiting import await_until

#: Makes a layer. Stock layers have no types.
MakeChannelLayer: TypeAlias = Callable[..., Any]


class ChannelLayerTests:
    """The fixtures. Each test has a fresh layer."""

    @pytest.fixture
    def make_layer(self) -> MakeChannelLayer:
        """How to make a layer; the one thing a subclass has to say."""
        raise NotImplementedError

    @pytest.fixture
    async def layer(self, make_layer: MakeChannelLayer) -> AsyncIterator[Any]:
        """The layer."""
        layer = make_layer()
        yield layer
        await leave(layer)


class SendingTests(ChannelLayerTests):
    """`send`, `receive`, `new_channel`, `flush`."""

    async def test_a_channel_of_ones_own(self, layer: Any) -> None:
        name, other = await layer.new_channel(), await layer.new_channel()
        assert name != other
        await layer.send(other, {"type": "not.mine"})
        await layer.send(name, {"type": "mine", "n": 1})
        await layer.send(name, {"type": "mine", "n": 2})
        assert [(await heard(layer, name))["n"] for _ in range(2)] == [1, 2]
        assert await heard(layer, other) == {"type": "not.mine"}

    async def test_it_may_be_given_a_prefix(self, layer: Any) -> None:
        name = await layer.new_channel("my.prefix")
        assert name.startswith("my.prefix") and "!" in name

    @pytest.mark.parametrize("own", [True, False])
    async def test_who_waits_is_woken(self, layer: Any, own: bool) -> None:
        name = await layer.new_channel() if own else "named"
        waiting = asyncio.create_task(heard(layer, name))
        await asyncio.sleep(0)
        await layer.send(name, {"type": "news"})
        assert await waiting == {"type": "news"}

    async def test_a_named_channel_gives_its_oldest_first(self, layer: Any) -> None:
        for number in range(5):
            await layer.send("named", {"type": "a", "n": number})
        assert [(await heard(layer, "named"))["n"] for _ in range(5)] == [0, 1, 2, 3, 4]

    async def test_each_message_goes_to_one_of_many_receivers(self, layer: Any) -> None:
        receivers = [asyncio.create_task(heard(layer, "named")) for _ in range(4)]
        for number in range(4):
            await layer.send("named", {"type": "a", "n": number})
        assert sorted([(await each)["n"] for each in receivers]) == [0, 1, 2, 3]

    async def test_a_message_arrives_as_it_was_sent(self, layer: Any) -> None:
        message = {
            "type": "a",
            "text": "ü 𝄞",
            "bytes": b"\x00\xff",
            "n": -(2**40),
            "f": 0.5,
            "l": [True, None, {"d": []}],
        }
        name = await layer.new_channel()
        for channel in (name, "named"):
            await layer.send(channel, message)
            assert await heard(layer, channel) == message

    async def test_sender_and_receiver_share_nothing(self, layer: Any) -> None:
        message = {"type": "a", "list": [1]}
        await layer.send("named", message)
        message["list"].append(2)  # type: ignore[attr-defined]
        assert await heard(layer, "named") == {"type": "a", "list": [1]}

    async def test_a_full_channel_refuses(self, make_layer: MakeChannelLayer) -> None:
        layer = make_layer(capacity=1)
        await fill(layer, "named")
        await leave(layer)

    async def test_a_cancelled_receive_loses_nothing_and_leaves_no_task(self, layer: Any) -> None:
        name, before = await layer.new_channel(), asyncio.all_tasks()
        for _ in range(5):
            receiving = asyncio.create_task(layer.receive(name))
            await asyncio.sleep(0)
            receiving.cancel()
            await asyncio.wait([receiving])
        await await_until(lambda: asyncio.all_tasks() == before, "only this test's tasks are left")
        await layer.send(name, {"type": "late"})
        assert await heard(layer, name) == {"type": "late"}

    @pytest.mark.parametrize("name", ["", "no spaces", "ü", "x" * 100, "a!b!c", None])
    async def test_names_are_checked(self, layer: Any, name: Any) -> None:
        own = await layer.new_channel()
        for call, arguments in (
            (layer.send, (name, {"type": "x"})),
            (layer.receive, (name,)),
            (layer.group_send, (name, {"type": "x"})),
            (layer.group_add, (name, own)),
            (layer.group_discard, (name, own)),
            (layer.group_add, ("group", name)),
        ):
            with pytest.raises(TypeError):
                await call(*arguments)

    async def test_a_message_is_a_dict(self, layer: Any) -> None:
        with pytest.raises((TypeError, AssertionError)):  # the stock layers assert it
            await layer.send("a", "text")

    async def test_flush_leaves_an_empty_layer_that_works(self, layer: Any) -> None:
        assert {"groups", "flush"} <= set(layer.extensions)
        old = await layer.new_channel()
        await layer.group_add("group", old)
        await layer.send("named", {"type": "old"})
        await layer.flush()
        name = await layer.new_channel()
        await layer.group_add("group", name)
        for channel in ("named", name):
            await layer.send(channel, {"type": "new"})
            assert await heard(layer, channel) == {"type": "new"}
        await layer.group_send("group", {"type": "all"})
        assert await heard(layer, name) == {"type": "all"}

    def test_a_sync_caller_with_loops_that_end_at_once(self, make_layer: MakeChannelLayer) -> None:
        layer = make_layer()
        for number in range(3):
            async_to_sync(layer.send)("named", {"type": "a", "n": number})
        assert async_to_sync(layer.receive)("named") == {"type": "a", "n": 0}
        async_to_sync(leave)(layer)


class GroupSendingTests(ChannelLayerTests):
    """`group_add`, `group_discard`, `group_send`."""

    async def test_every_member_hears_it_once(self, layer: Any) -> None:
        members = [await layer.new_channel() for _ in range(3)]
        stranger = await layer.new_channel()
        for member in (*members, members[0]):  # one is added twice
            await layer.group_add("tea", member)
        await layer.group_add("coffee", members[0])
        await layer.group_send("tea", {"type": "tea"})
        await layer.group_send("coffee", {"type": "coffee"})
        for channel in (*members, stranger):
            await layer.send(channel, {"type": "last"})
        assert [await all_heard(layer, member) for member in members] == [["tea", "coffee"], ["tea"], ["tea"]]
        assert await all_heard(layer, stranger) == []

    async def test_who_has_left_hears_nothing(self, layer: Any) -> None:
        stays, leaves = await layer.new_channel(), await layer.new_channel()
        for channel in (stays, leaves):
            await layer.group_add("tea", channel)
        for _ in range(2):  # the second time there is nothing to discard
            await layer.group_discard("tea", leaves)
        await layer.group_send("tea", {"type": "tea"})
        for channel in (stays, leaves):
            await layer.send(channel, {"type": "last"})
        assert await all_heard(layer, stays) == ["tea"]
        assert await all_heard(layer, leaves) == []

    async def test_a_group_without_members_is_none_of_anybodys_business(self, layer: Any) -> None:
        await layer.group_send("nobody", {"type": "tea"})
        await layer.group_discard("nobody", await layer.new_channel())


class ChannelLayerContract(SendingTests, GroupSendingTests):
    """What all of them promise; see `channels_consumers` for who runs on it."""


async def heard(layer: Any, channel: str) -> dict[str, Any]:
    """The next message of a channel, which has to come."""
    async with asyncio.timeout(PATIENCE):
        message: dict[str, Any] = await layer.receive(channel)
        return message


async def fill(layer: Any, channel: str) -> None:
    """See a channel that takes one message take one, refuse the next, and take it when there is room again."""
    await layer.send(channel, {"type": "a"})
    with pytest.raises(ChannelFull):
        await layer.send(channel, {"type": "b"})
    assert await heard(layer, channel) == {"type": "a"}
    await layer.send(channel, {"type": "b"})
    assert await heard(layer, channel) == {"type": "b"}


async def all_heard(layer: Any, channel: str) -> list[str]:
    """The types of all messages of a channel before the one that is ``last``, in their order."""
    types: list[str] = []
    while (latest := (await heard(layer, channel))["type"]) != "last":
        types.append(latest)
    return types


async def leave(layer: Any) -> None:
    """Remove all that a layer holds, and give back what this loop uses of it."""
    await layer.flush()
    close: Callable[[], Awaitable[None]] | None = getattr(layer, "close", None)
    if close is not None:  # where there is none, a flush closes too
        await close()
