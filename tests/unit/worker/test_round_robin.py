"""Fetching from several channels: never more than wanted, none forgotten, no call in vain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import cast

import pytest

from switchboard.events import Envelope
from switchboard.exceptions import LayerUnavailable
from switchboard.layers.base import Delivery, Layer
from switchboard.worker.round_robin import EMPTY_FOR, RoundRobin


class Queues:
    """Channels with so many messages each; notes which were asked, and how many were wanted of each."""

    def __init__(self, **waiting: int) -> None:
        self.waiting = Counter(waiting)
        self.asked: list[tuple[str, int, bool]] = []
        self.away_for: set[str] = set()

    async def take(self, worker: str, channels: Collection[str], *, count: int, wait: float) -> Sequence[Delivery]:
        self.asked.append((" ".join(sorted(channels)), count, wait > 0))
        if self.away_for & {*channels}:
            raise LayerUnavailable("away")
        taken = [(name, number) for name in channels for number in range(min(count, self.waiting[name]))]
        self.waiting.subtract(Counter(name for name, _ in taken))
        return [Delivery(Envelope(name, f"{name}/{number}", {}), str(number)) for name, number in taken]

    def round_robin(self, channels: str) -> RoundRobin:
        self.now = 0.0
        return RoundRobin(cast(Layer, self), "worker.a", channels.split(), clock=lambda: self.now)


async def channels_of(robin: RoundRobin, count: int) -> list[str]:
    return [delivery.channel for delivery in await robin.fetch(count, wait=1.0)]


async def test_a_single_channel_is_asked_for_all_that_is_free() -> None:
    queues = Queues(a=9)
    assert await channels_of(queues.round_robin("a"), 4) == ["a"] * 4
    assert queues.asked == [("a", 4, True)]


async def test_with_a_thread_for_each_channel_one_call_takes_a_share_of_each() -> None:
    queues = Queues(a=9, b=9)
    assert sorted(await channels_of(queues.round_robin("a b"), 5)) == ["a", "a", "b", "b"]
    assert queues.asked == [("a b", 2, True)]


async def test_never_more_than_wanted_from_more_channels_than_threads() -> None:
    queues = Queues(a=3, b=3, c=3)
    robin = queues.round_robin("a b c")
    taken = [await channels_of(robin, count) for count in (1, 1, 2, 1, 2, 2)]
    assert [len(each) for each in taken] == [1, 1, 2, 1, 2, 2]
    assert Counter(name for each in taken for name in each) == {"a": 3, "b": 3, "c": 3}


async def test_what_one_channel_did_not_have_another_may_give_and_no_more() -> None:
    queues = Queues(a=1, b=5)
    assert await channels_of(queues.round_robin("a b c"), 2) == ["a", "b"]
    assert queues.asked == [("a", 2, False), ("b", 1, False)]


async def test_a_busy_channel_does_not_starve_the_others() -> None:
    queues = Queues(a=100)
    robin = queues.round_robin("a b c")
    await channels_of(robin, 1)
    queues.waiting.update(b=1, c=1)
    assert {name for _ in range(3) for name in await channels_of(robin, 1)} == {"a", "b", "c"}


async def test_an_idle_worker_makes_one_call_and_a_busy_one_does_not_ask_empty_channels_each_time() -> None:
    queues = Queues()
    robin = queues.round_robin("a b c")
    assert await channels_of(robin, 1) == []
    queues.asked.clear()
    for _ in range(3):
        assert await channels_of(robin, 1) == []
    assert queues.asked == [("a b c", 1, True)] * 3

    queues.waiting.update(a=100)
    await channels_of(robin, 1)
    queues.asked.clear()
    for _ in range(10):
        assert await channels_of(robin, 1) == ["a"]
    assert Counter(asked for asked, _, _ in queues.asked) == {"a": 10, "b": 1, "c": 1}
    queues.waiting.update(b=1)
    queues.now += EMPTY_FOR
    assert await channels_of(robin, 1) == ["b"], "what is empty is asked again soon"


async def test_a_channel_that_was_empty_a_moment_ago_is_asked_before_all_are_waited_for() -> None:
    queues = Queues(a=1)
    robin = queues.round_robin("b c a")
    assert await channels_of(robin, 1) == ["a"], "the others were found empty"
    queues.waiting.update(b=1, c=1)
    assert len(await channels_of(robin, 1)) == 1, "waiting for all at once would have brought both"


async def test_what_was_taken_before_the_layer_went_away_is_kept() -> None:
    queues = Queues(a=2)
    robin = queues.round_robin("a b c")
    await channels_of(robin, 1)
    queues.waiting.update(b=1)
    queues.away_for = {"c"}
    assert await channels_of(robin, 2) == ["b"]
    queues.now += EMPTY_FOR
    with pytest.raises(LayerUnavailable):
        await channels_of(robin, 2)
