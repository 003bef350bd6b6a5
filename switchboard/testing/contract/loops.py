"""One layer object, many event loops and threads; and two objects for the same thing."""

from __future__ import annotations

import asyncio
import gc
import threading
from concurrent.futures import ThreadPoolExecutor

from asgiref.sync import async_to_sync

from switchboard.layers.base import Layer
from switchboard.testing.contract.acts import ANNE, LOG, PATIENCE, LayerTests, MakeLayer, note, take


class LoopTests(LayerTests):
    """Methods may be called from any event loop, and at the same time."""

    def test_one_loop_after_another(self, make_layer: MakeLayer) -> None:
        layer = make_layer()
        for number in range(3):
            asyncio.run(layer.publish([note(number)]))
            delivery = asyncio.run(take(layer))
            assert delivery.envelope.content == {"number": number}
            assert asyncio.run(layer.commit(ANNE, delivery))
        asyncio.run(layer.flush())
        gc.collect()  # a connection that its loop left open would say so now

    def test_a_sync_caller_with_loops_that_end_at_once(self, make_layer: MakeLayer) -> None:
        layer = make_layer()
        for number in range(3):
            async_to_sync(layer.publish)([note(number)])
        assert async_to_sync(layer.depth)(LOG) == 3
        async_to_sync(layer.flush)()
        gc.collect()

    async def test_who_waits_on_one_loop_is_woken_from_another(self, layer: Layer) -> None:
        waiting = asyncio.create_task(layer.take(ANNE, [LOG], count=1, wait=PATIENCE))
        with ThreadPoolExecutor(1) as thread:
            while not waiting.done():
                thread.submit(asyncio.run, layer.publish([note()]))
                await asyncio.wait([waiting], timeout=0.05)
        assert len(await waiting) == 1

    async def test_threads_at_the_same_time(self, layer: Layer) -> None:
        each, threads = 40, 4
        start = threading.Barrier(threads)

        async def send(thread: int) -> None:
            await asyncio.gather(*(layer.publish([note(thread * each + n)]) for n in range(each)))

        def run(thread: int) -> None:
            start.wait()
            asyncio.run(send(thread))

        await asyncio.gather(*(asyncio.to_thread(run, thread) for thread in range(threads)))
        received = await layer.take(ANNE, [LOG], count=each * threads, wait=PATIENCE)
        assert sorted(d.envelope.content["number"] for d in received) == list(range(each * threads))

    async def test_a_closed_layer_opens_again(self, layer: Layer) -> None:
        for number in range(3):
            await layer.publish([note(number)])
            await layer.close()
        assert await layer.depth(LOG) == 3

    async def test_two_objects_meet_if_the_layer_says_so(self, make_layer: MakeLayer) -> None:
        one, other = make_layer(), make_layer()
        await one.publish([note()])
        assert await other.depth(LOG) == (1 if one.crosses_processes else 0)
        for layer in (one, other):
            await layer.flush()
            await layer.close()
