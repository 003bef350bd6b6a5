"""What some layers of the specification promise and some do not; see `channel_layers`."""

from __future__ import annotations

import asyncio
import datetime
import threading
import time
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from switchboard.testing.contract.acts import PATIENCE
from switchboard.testing.contract.channel_layers import ChannelLayerTests, MakeChannelLayer, fill, heard, leave
from switchboard.testing.waiting import await_until


class CapacitiesByName(ChannelLayerTests):
    """``channel_capacity``: some channels take more or less than others."""

    async def test_the_first_glob_that_matches_counts(self, make_layer: MakeChannelLayer) -> None:
        layer = make_layer(channel_capacity={"small.*": 1})
        await fill(layer, "small.one")
        for _ in range(2):
            await layer.send("large", {"type": "a"})
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
