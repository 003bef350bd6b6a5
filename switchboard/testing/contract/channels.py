"""Named channels: order, waiting, capacity, many workers."""

from __future__ import annotations

import asyncio
import datetime

import pytest

from switchboard.events import Envelope, Reply
from switchboard.exceptions import ChannelFull, ContentError
from switchboard.layers.base import Delivery, Layer
from switchboard.names import new_reply_channel
from switchboard.testing.contract.acts import (
    ANNE,
    BERT,
    LOG,
    PATIENCE,
    LayerTests,
    inbox,
    new_home,
    note,
    nothing_on,
    take,
)


class ChannelTests(LayerTests):
    """`take`, `publish` of envelopes, `has_room`, `depth`."""

    async def test_a_channel_gives_its_oldest_first(self, layer: Layer) -> None:
        notes = [note(number) for number in range(5)]
        await layer.publish(notes)
        received = await layer.take(ANNE, [LOG], count=3, wait=0)
        received = [*received, *await layer.take(ANNE, [LOG], count=3, wait=0)]
        assert [delivery.envelope for delivery in received] == notes

    async def test_the_count_is_for_each_channel(self, layer: Layer) -> None:
        await layer.publish([note(number, channel) for number in range(3) for channel in ("a", "b")])
        received = await layer.take(ANNE, ["a", "b", "c"], count=2, wait=0)
        by_channel = {
            name: [d.envelope.content["number"] for d in received if d.channel == name] for name in ("a", "b", "c")
        }
        assert by_channel == {"a": [0, 1], "b": [0, 1], "c": []}

    async def test_a_message_arrives_as_it_was_sent(self, layer: Layer) -> None:
        content = {"text": "ü 𝄞", "bytes": b"\x00\xff", "n": -(2**40), "f": 0.5, "none": None, "l": [True, {"d": []}]}
        envelope = Envelope(LOG, "the id", content, session={"carried": "on"})
        await layer.publish([envelope])
        delivery = await take(layer)
        assert delivery.envelope == envelope
        assert not delivery.redelivered

    async def test_sender_and_receiver_share_nothing(self, layer: Layer) -> None:
        content = {"list": [1]}
        await layer.publish([Envelope(LOG, "id", content)])
        content["list"].append(2)
        assert (await take(layer)).envelope.content == {"list": [1]}

    async def test_what_cannot_cross_is_an_error_and_nothing_is_sent(self, layer: Layer) -> None:
        with pytest.raises(ContentError):
            await layer.publish([note(), Envelope(LOG, "id", {"when": datetime.date(2026, 1, 1)})])
        assert await layer.depth(LOG) == 0

    async def test_a_received_message_is_nobody_elses(self, layer: Layer) -> None:
        await layer.publish([note()])
        await take(layer, worker=ANNE)
        assert await nothing_on(layer, worker=ANNE)
        assert await nothing_on(layer, worker=BERT)

    async def test_receive_wakes_when_a_message_comes(self, layer: Layer) -> None:
        waiting = asyncio.create_task(layer.take(ANNE, ["elsewhere", LOG], count=1, wait=PATIENCE))
        while not waiting.done():
            # Again and again, since nobody can see from here that the task waits by now.
            await layer.publish([note()])
            await asyncio.wait([waiting], timeout=0.05)
        assert len(await waiting) == 1

    async def test_receive_gives_up_in_time(self, layer: Layer) -> None:
        async with asyncio.timeout(PATIENCE):
            assert await layer.take(ANNE, [LOG], count=1, wait=0.05) == []
            assert await layer.take(ANNE, [], count=1, wait=0.05) == []

    async def test_who_waits_does_not_keep_others_waiting(self, layer: Layer) -> None:
        idle = [asyncio.create_task(layer.take(f"w{n}", [f"idle.{n}"], count=1, wait=PATIENCE)) for n in range(30)]
        try:
            async with asyncio.timeout(PATIENCE / 2):
                await layer.publish([note()])
                await layer.commit(ANNE, await take(layer))
        finally:
            for task in idle:
                task.cancel()
            await asyncio.gather(*idle, return_exceptions=True)

    async def test_depth_counts_what_is_pending(self, layer: Layer) -> None:
        await layer.publish([note(1), note(2)])
        delivery = await take(layer)
        assert await layer.depth(LOG) == 2
        await layer.commit(ANNE, delivery)
        assert await layer.depth(LOG) == 1
        assert await layer.depth("never.used") == 0

    async def test_a_full_channel_refuses_and_nothing_of_the_batch_is_sent(self, small: Layer) -> None:
        interface = await new_home(small)
        await small.publish([note(1), note(2)])
        assert not await small.has_room(LOG)
        with pytest.raises(ChannelFull) as refused:
            await small.publish([Reply(new_reply_channel(interface), {"text": "x"}), note(3, "elsewhere"), note(4)])
        assert refused.value.channel == LOG
        assert await inbox(small, interface) == []
        assert await small.depth("elsewhere") == 0
        assert await small.depth(LOG) == 2

    async def test_a_commit_makes_room(self, small: Layer) -> None:
        await small.publish([note(1), note(2)])
        await small.commit(ANNE, await take(small))
        assert await small.has_room(LOG)
        await small.publish([note(3)])

    async def test_a_commit_looks_at_no_capacity(self, small: Layer) -> None:
        await small.publish([note(1), note(2)])
        assert await small.commit(ANNE, await take(small), [note(3), note(4)])
        assert await small.depth(LOG) == 3

    async def test_each_message_goes_to_one_of_many_workers(self, layer: Layer) -> None:
        total = 400
        seen: list[tuple[str, int]] = []

        async def work(worker: str) -> None:
            while len(seen) < total:
                for delivery in await layer.take(worker, [LOG], count=7, wait=0.05):
                    seen.append((worker, delivery.envelope.content["number"]))
                    assert await layer.commit(worker, delivery)

        async with asyncio.timeout(PATIENCE * 2), asyncio.TaskGroup() as tasks:
            for worker in (ANNE, BERT):
                # A thread and a loop for each: they ask at the very same time.
                tasks.create_task(asyncio.to_thread(asyncio.run, work(worker)))
            for start in range(0, total, 50):
                await layer.publish([note(number) for number in range(start, start + 50)])
        assert sorted(number for _, number in seen) == list(range(total))
        assert await layer.depth(LOG) == 0

    async def test_flush_leaves_a_layer_that_works(self, layer: Layer) -> None:
        await layer.publish([note(1), note(2)])
        held: Delivery = await take(layer)
        await layer.flush()
        assert await layer.depth(LOG) == 0
        assert not await layer.commit(ANNE, held)
        await layer.publish([note(3)])
        assert (await take(layer)).envelope.content == {"number": 3}
