"""What some layers of the specification promise and some do not; see `channel_layers`.

The docstrings of the tests name the promise of others that each stands for: "specification" is Channels' channel layer
specification, and names of tests are those of channels-redis (``tests/test_core.py``) or of Channels
(``tests/test_inmemorychannel.py``).
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
import threading
import time
from typing import Any, ClassVar

import pytest
from asgiref.sync import async_to_sync

from switchboard.testing.contract.acts import PATIENCE
from switchboard.testing.contract.channel_layers import (
    ChannelLayerTests,
    MakeChannelLayer,
    all_heard,
    fill,
    heard,
    leave,
)
from switchboard.testing.waiting import await_until


class CapacitiesByName(ChannelLayerTests):
    """``channel_capacity``: some channels take more or less than others."""

    async def test_the_first_glob_that_matches_counts(self, make_layer: MakeChannelLayer) -> None:
        layer = make_layer(channel_capacity={"small.*": 1})
        await fill(layer, "small.one")
        for _ in range(2):
            await layer.send("large", {"type": "a"})
        await leave(layer)


class NamedMembers(ChannelLayerTests):
    """Members of a group may be named channels, which several processes receive from."""

    async def test_a_named_channel_is_a_member_like_any_other(self, layer: Any) -> None:
        """Stands for ``test_groups_basic`` of Channels, whose members are named channels.

        The specification has `group_add` take any channel, and lets adding twice and discarding nothing pass.
        """
        own, named, gone = await layer.new_channel(), "named.1", "named.2"
        for channel in (own, named, gone, named):  # one is added twice
            await layer.group_add("tea", channel)
        for _ in range(2):  # the second time there is nothing to discard
            await layer.group_discard("tea", gone)
        await layer.group_send("tea", {"type": "tea", "bytes": b"\x00\xff"})
        await layer.group_send("coffee", {"type": "coffee"})
        for channel in (own, named, gone):
            await layer.send(channel, {"type": "last"})
        assert await heard(layer, named) == {"type": "tea", "bytes": b"\x00\xff"}
        for channel, expected in ((own, ["tea"]), (named, []), (gone, [])):
            assert await all_heard(layer, channel) == expected

    async def test_a_full_member_is_skipped_and_the_others_are_not(
        self, make_layer: MakeChannelLayer, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Stands for ``test_groups_channel_full`` and ``test_group_send_capacity_multiple_channels``.

        Specification: sending to a group never raises ChannelFull, it drops the message where a channel is full.
        """
        layer = make_layer(capacity=2)
        own = await layer.new_channel()
        for channel in ("full", "empty", own):
            await layer.group_add("tea", channel)
        await layer.send("full", {"type": "zero"})
        with caplog.at_level(logging.INFO):
            for each in ("one", "two"):
                await layer.group_send("tea", {"type": each})
        for channel in ("empty", own):
            assert [(await heard(layer, channel))["type"] for _ in range(2)] == ["one", "two"]
        assert [(await heard(layer, "full"))["type"] for _ in range(2)] == ["zero", "one"]
        await layer.group_send("tea", {"type": "three"})
        assert (await heard(layer, "full"))["type"] == "three", "there is room again"
        assert self.logs_what_it_skips == ("channels over capacity in group tea" in caplog.text)
        await leave(layer)

    #: Whether a line of the log tells of members that were full.
    logs_what_it_skips: ClassVar[bool] = True


class CapacityOfMembers(ChannelLayerTests):
    """``capacity`` counts for the channel of one consumer, too."""

    async def test_what_a_full_member_has_no_room_for_is_dropped(self, make_layer: MakeChannelLayer) -> None:
        """Stands for ``test_group_send_capacity``: the first messages are kept, up to the capacity, and none after."""
        layer = make_layer(capacity=3)
        name, other = await layer.new_channel(), await layer.new_channel("other")
        for channel in (name, other):
            await layer.group_add("tea", channel)
        await layer.send(other, {"type": "own", "n": 0})
        for number in range(1, 5):
            await layer.group_send("tea", {"type": "a", "n": number})
        assert [(await heard(layer, name))["n"] for _ in range(3)] == [1, 2, 3]
        assert [(await heard(layer, other))["n"] for _ in range(3)] == [0, 1, 2]
        await layer.group_send("tea", {"type": "last"})
        for channel in (name, other):
            assert await all_heard(layer, channel) == [], "and there is room again"
        await leave(layer)


class Expiry(ChannelLayerTests):
    """``expiry``: a message that was not received for so long never is. channels-redis takes whole seconds only."""

    #: Seconds.
    expiry: ClassVar[float] = 1

    async def test_what_nobody_received_in_time_is_gone(self, make_layer: MakeChannelLayer) -> None:
        """Stands for ``test_message_expiry__earliest_message_expires`` and ``test_message_expiry__group_send``.

        Specification: messages should expire after a set time sitting unread in a channel.
        """
        layer = make_layer(expiry=self.expiry)
        own = await layer.new_channel()
        await layer.group_add("tea", own)
        for channel in (own, "named"):
            await layer.send(channel, {"type": "late"})
        await layer.group_send("tea", {"type": "late"})
        await self.let_them_expire()
        await layer.group_send("tea", {"type": "in.time"})
        await layer.send("named", {"type": "in.time"})
        for channel in (own, "named"):
            await layer.send(channel, {"type": "last"})
            assert await all_heard(layer, channel) == ["in.time"]
        await leave(layer)

    async def test_what_has_expired_takes_no_room(self, make_layer: MakeChannelLayer) -> None:
        """channels-redis removes expired messages before it compares a channel with its capacity."""
        layer = make_layer(expiry=self.expiry, capacity=2)
        own = await layer.new_channel()
        for channel in ("named", own):
            for _ in range(2):
                await layer.send(channel, {"type": "late"})
        await self.let_them_expire()
        for channel in ("named", own):
            await layer.send(channel, {"type": "in.time"})
            assert (await heard(layer, channel))["type"] == "in.time"
        await leave(layer)

    async def test_nothing_expires_before_its_time(self, make_layer: MakeChannelLayer) -> None:
        """Stands for ``test_message_expiry__all_messages_under_expiration_time``."""
        layer = make_layer(expiry=60)
        own = await layer.new_channel()
        await layer.group_add("tea", own)
        for channel in (own, "named"):
            await layer.send(channel, {"type": "one"})
            await layer.send(channel, {"type": "last"})
            assert await all_heard(layer, channel) == ["one"]
        await layer.group_send("tea", {"type": "all"})
        assert await heard(layer, own) == {"type": "all"}
        await leave(layer)

    async def let_them_expire(self) -> None:
        """Wait until whatever was sent before has expired; channels-redis compares whole seconds."""
        until = int(time.time()) + self.expiry + 1.1
        await await_until(lambda: time.time() > until, "what was sent has expired")


class ExpiryOfNamedMembers(Expiry):
    """What a group message became on a named channel expires as well."""

    async def test_a_group_message_on_a_named_channel_expires(self, make_layer: MakeChannelLayer) -> None:
        """channels-redis has a group message expire on whichever channel it lies."""
        layer = make_layer(expiry=self.expiry)
        await layer.group_add("tea", "named")
        await layer.group_send("tea", {"type": "late"})
        await self.let_them_expire()
        await layer.group_send("tea", {"type": "in.time"})
        await layer.send("named", {"type": "last"})
        assert await all_heard(layer, "named") == ["in.time"]
        await leave(layer)


class CancelledReceives(ChannelLayerTests):
    """A `receive` from a named channel may be cancelled at any moment: no message is lost, and none comes twice."""

    async def test_each_message_is_received_once(self, make_layer: MakeChannelLayer) -> None:
        """Stands for ``test_receive_cancel``, which cancels after ever longer times.

        The specification: never deliver a message more than once.
        """
        total, seen = 60, list[int]()
        layer = make_layer(capacity=total)
        for number in range(total):
            await layer.send("named", {"type": "a", "n": number})
        turns = 0
        async with asyncio.timeout(PATIENCE):
            while len(seen) < total:
                receiving = asyncio.create_task(layer.receive("named"))
                for _ in range(turns % 40):
                    await asyncio.sleep(0)
                receiving.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    seen.append((await receiving)["n"])
                turns += 1
                if turns % 80 == 0:  # on a busy machine every one of them may come too early
                    seen.append((await heard(layer, "named"))["n"])
        assert sorted(seen) == list(range(total))
        await leave(layer)


class CheckedContents(ChannelLayerTests):
    """What could not cross to another process is refused, also where it does not have to."""

    async def test_what_cannot_cross_is_an_error(self, layer: Any) -> None:
        with pytest.raises(TypeError):
            await layer.send("named", {"type": "a", "when": datetime.date(2026, 1, 1)})
        await layer.send("named", {"type": "b"})
        assert await heard(layer, "named") == {"type": "b"}


class AcrossLoops(ChannelLayerTests):
    """Who waits on one event loop hears those who send from threads with loops of their own."""

    async def test_who_waits_on_an_idle_loop_is_woken(self, layer: Any) -> None:
        waiting = asyncio.create_task(heard(layer, "named"))
        await asyncio.sleep(0)
        thread = threading.Thread(target=async_to_sync(layer.send), args=["named", {"type": "news"}])
        began = time.monotonic()
        thread.start()
        assert await waiting == {"type": "news"}
        # A loop that nobody woke finds the message when its own deadline wakes it.
        assert time.monotonic() - began < PATIENCE / 2
        await asyncio.to_thread(thread.join)

    async def test_threads_reach_who_waits(self, layer: Any) -> None:
        name = await layer.new_channel()
        await layer.group_add("tea", name)
        start = threading.Barrier(8)

        def send(number: int) -> None:
            start.wait(PATIENCE)
            async_to_sync(layer.group_send)("tea", {"type": "a", "n": number})
            async_to_sync(layer.send)(name, {"type": "b", "n": number})

        threads = [threading.Thread(target=send, args=[number]) for number in range(8)]
        for thread in threads:
            thread.start()
        received = [await heard(layer, name) for _ in range(16)]
        assert sorted((each["type"], each["n"]) for each in received) == [(t, n) for t in "ab" for n in range(8)]
        for thread in threads:
            await asyncio.to_thread(thread.join)


class AcrossProcesses(ChannelLayerTests):
    """Two layers, as two processes have them, are one."""

    async def test_what_one_sends_the_other_receives(self, layer: Any, make_layer: MakeChannelLayer) -> None:
        other = make_layer()
        name = await other.new_channel()
        await layer.group_add("tea", name)
        await layer.group_send("tea", {"type": "group"})
        await layer.send(name, {"type": "own"})
        assert [(await heard(other, name))["type"] for _ in range(2)] == ["group", "own"]
        await layer.send("named", {"type": "named"})
        assert await heard(other, "named") == {"type": "named"}
        await leave(other)


class OnceAcrossProcesses(ChannelLayerTests):
    """A message of a named channel is received once, however many processes receive there."""

    async def test_a_named_member_hears_what_any_of_them_sends(self, layer: Any, make_layer: MakeChannelLayer) -> None:
        """A group's named members are known to all processes, whichever added them."""
        other = make_layer()
        await layer.group_add("tea", "named")
        await other.group_send("tea", {"type": "one"})
        assert await heard(layer, "named") == {"type": "one"}
        await layer.group_send("tea", {"type": "two"})
        assert await heard(other, "named") == {"type": "two"}
        await other.group_discard("tea", "named")
        await layer.group_send("tea", {"type": "three"})
        await layer.send("named", {"type": "last"})
        assert await all_heard(other, "named") == []
        await leave(other)

    async def test_nothing_is_received_twice(self, make_layer: MakeChannelLayer) -> None:
        total, seen = 500, list[int]()
        layers = [make_layer(capacity=total) for _ in range(3)]
        for number in range(total):
            await layers[0].send("named", {"type": "a", "n": number})

        async def receive_on(layer: Any) -> None:
            while True:
                seen.append((await layer.receive("named"))["n"])

        receivers = [asyncio.create_task(receive_on(layer)) for layer in layers]
        await await_until(lambda: len(set(seen)) == total, "all of them")
        for receiver in receivers:
            receiver.cancel()
        await asyncio.wait(receivers)
        assert sorted(seen) == list(range(total))
        for layer in layers:
            await leave(layer)
