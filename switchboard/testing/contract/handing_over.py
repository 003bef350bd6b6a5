"""Leases: what a dead worker held, who may have it, how often it ran."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from switchboard.events import Ack, InboxEntry
from switchboard.layers.base import Attempt, Begun, Layer
from switchboard.names import RECEIVE
from switchboard.testing.contract.acts import (
    ANNE,
    BERT,
    LOG,
    LayerTests,
    frame,
    handle,
    inbox,
    new_home,
    new_socket,
    note,
    pending_one,
    take,
)
from switchboard.testing.waiting import await_until


class HandingOverTests(LayerTests):
    """`pending`, `renew`, `take_over`, `begin`, `retire` and the workers' heartbeats."""

    async def test_what_was_received_is_pending(self, layer: Layer) -> None:
        await layer.publish([note(1), note(2)])
        delivery = await take(layer, worker=ANNE)
        found = await pending_one(layer)
        assert (found.channel, found.tag, found.owner) == (LOG, delivery.tag, ANNE)
        await layer.commit(ANNE, delivery)
        assert await layer.pending([LOG], idle=0) == []

    async def test_pending_looks_at_each_channel(self, layer: Layer) -> None:
        await layer.publish([note(1, "a"), note(2, "b")])
        await layer.take(ANNE, ["a", "b"], count=1, wait=0)
        assert {found.channel for found in await layer.pending(["a", "b", "unused"], idle=0)} == {"a", "b"}
        assert await layer.pending(["unused"], idle=0) == []

    async def test_what_was_just_received_is_not_idle(self, layer: Layer) -> None:
        await layer.publish([note()])
        await take(layer)
        assert await layer.pending([LOG], idle=60) == []

    async def test_without_a_renewal_nothing_moves(self, layer: Layer) -> None:
        await layer.publish([note()])
        await take(layer)
        assert {await pending_one(layer) for _ in range(300)} == {await pending_one(layer)}

    async def test_a_renewal_moves_it_and_forbids_the_take_over(self, layer: Layer) -> None:
        await layer.publish([note()])
        delivery = await take(layer)
        before = await pending_one(layer)

        async def moved() -> bool:
            assert await layer.renew(ANNE, [delivery]) == []
            return await pending_one(layer) != before

        await await_until(moved, "the clock ticked and the renewal shows")
        assert await layer.take_over(BERT, before) is None
        assert await layer.commit(ANNE, delivery)

    async def test_a_message_taken_over_is_redelivered(self, layer: Layer) -> None:
        await layer.publish([note(7)])
        lost = await take(layer, worker=ANNE)
        kept = await layer.take_over(BERT, await pending_one(layer))
        assert kept == replace(lost, redelivered=True)
        assert (await pending_one(layer)).owner == BERT
        assert not await layer.commit(ANNE, lost)
        assert await layer.commit(BERT, kept)
        assert await layer.depth(LOG) == 0

    async def test_one_of_many_takes_over(self, layer: Layer) -> None:
        await layer.publish([note()])
        await take(layer, worker="worker.dead")
        found = await pending_one(layer)
        taken = await asyncio.gather(*(layer.take_over(f"worker.{n}", found) for n in range(8)))
        assert len([delivery for delivery in taken if delivery]) == 1

    async def test_what_is_committed_cannot_be_taken_over(self, layer: Layer) -> None:
        await layer.publish([note()])
        delivery = await take(layer)
        found = await pending_one(layer)
        await layer.commit(ANNE, delivery)
        assert await layer.take_over(BERT, found) is None
        assert await layer.take_over(BERT, replace(found, channel="never.used")) is None

    async def test_a_renewal_names_what_was_lost(self, layer: Layer) -> None:
        await layer.publish([note(n) for n in range(3)])
        kept, committed, stolen = await layer.take(ANNE, [LOG], count=3, wait=0)
        await layer.commit(ANNE, committed)
        found = {pending.tag: pending for pending in await layer.pending([LOG], idle=0)}
        assert await layer.take_over(BERT, found[stolen.tag])
        assert list(await layer.renew(ANNE, [kept, committed, stolen])) == [committed, stolen]
        assert await layer.renew(ANNE, []) == []

    async def test_attempts_are_counted_from_one_whoever_has_it(self, layer: Layer) -> None:
        await layer.publish([note()])
        await take(layer, worker=ANNE)
        delivery = await layer.take_over(BERT, await pending_one(layer))
        assert delivery is not None
        assert await layer.begin(BERT, delivery) == Attempt(Begun.RUN, 1)
        await layer.renew(BERT, [delivery])
        assert await layer.begin(BERT, delivery) == Attempt(Begun.RUN, 2)
        again = await layer.take_over(ANNE, await pending_one(layer))
        assert again is not None
        assert await layer.begin(ANNE, again) == Attempt(Begun.RUN, 3)
        assert await layer.begin(BERT, delivery) == Attempt(Begun.LOST)

    async def test_what_is_gone_is_not_begun(self, layer: Layer) -> None:
        await layer.publish([note()])
        delivery = await take(layer)
        await layer.commit(ANNE, delivery)
        assert await layer.begin(ANNE, delivery) == Attempt(Begun.LOST)

    async def test_what_was_handled_is_acknowledged_once_more(self, layer: Layer) -> None:
        interface = await new_home(layer)
        socket = await new_socket(layer, interface)
        await handle(layer, frame(socket, 1))
        await layer.publish([frame(socket, 1)])
        await take(layer, RECEIVE, ANNE)
        delivery = await layer.take_over(BERT, await pending_one(layer, RECEIVE))
        assert delivery is not None
        assert (await layer.begin(BERT, delivery)).begun is Begun.HANDLED
        assert await inbox(layer, interface, 2) == [InboxEntry(3, (Ack(socket, 1),), socket, 1)]
        assert await layer.depth(RECEIVE) == 0
        assert not await layer.commit(BERT, delivery)

    async def test_what_was_not_handled_runs(self, layer: Layer) -> None:
        socket = await new_socket(layer, await new_home(layer))
        await layer.enqueue(frame(socket, 1))
        await take(layer, RECEIVE, ANNE)
        delivery = await layer.take_over(BERT, await pending_one(layer, RECEIVE))
        assert delivery is not None
        assert await layer.begin(BERT, delivery) == Attempt(Begun.RUN, 1)

    async def test_a_retired_worker_is_forgotten(self, layer: Layer) -> None:
        await layer.publish([note()])
        await layer.commit(ANNE, await take(layer, worker=ANNE))
        await layer.beat_worker(ANNE)
        await layer.retire(ANNE, [LOG, "never.used"])
        assert await layer.worker_beats() == {}

    async def test_retiring_gives_nothing_up(self, layer: Layer) -> None:
        await layer.publish([note(1)])
        await take(layer, worker=ANNE)
        await layer.retire(ANNE, [LOG])
        assert await layer.take_over(BERT, await pending_one(layer)) is not None

    async def test_a_dead_worker_is_forgotten_once_it_holds_nothing(self, layer: Layer) -> None:
        await layer.beat_worker(ANNE)
        await layer.publish([note(1, "a"), note(2, "b")])
        await layer.take(ANNE, ["a", "b"], count=1, wait=0)
        for channel in ("a", "b"):
            await layer.retire(ANNE, [LOG])  # by somebody who reads other channels
            assert set(await layer.worker_beats()) == {ANNE}
            delivery = await layer.take_over(BERT, await pending_one(layer, channel))
            assert delivery is not None
            assert await layer.commit(BERT, delivery)
        await layer.retire(ANNE, [LOG])
        assert await layer.worker_beats() == {}

    async def test_a_worker_thought_dead_goes_on(self, layer: Layer) -> None:
        await layer.publish([note()])
        delivery = await take(layer)
        await layer.retire(ANNE, [LOG])
        assert await layer.commit(ANNE, delivery)
        await layer.retire(ANNE, [LOG])
        await layer.publish([note()])
        assert await layer.commit(ANNE, await take(layer))

    async def test_a_heartbeat_changes_the_number(self, layer: Layer) -> None:
        await layer.beat_worker(ANNE)
        await layer.beat_worker(BERT)
        first = await layer.worker_beats()
        await layer.beat_worker(ANNE)
        second = await layer.worker_beats()
        assert set(first) == {ANNE, BERT}
        assert first[ANNE] != second[ANNE]
        assert first[BERT] == second[BERT]
