"""Commits that leave together: how many in one call, and who hears what."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest

from switchboard.events import Envelope, Reply
from switchboard.layers.base import Commit, Delivery, Layer
from switchboard.worker.committer import MAX_COMMIT_BYTES, Committer


class Calls:
    """A layer that notes how many commits came with each call."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    async def commit_all(self, worker: str, commits: Sequence[Commit]) -> Sequence[bool]:
        self.sizes.append(len(commits))
        await asyncio.sleep(0)
        return [True] * len(commits)


def commit(content: Any, *, session: Any = None) -> Commit:
    delivery = Delivery(Envelope("jobs", "1", {}), "1")
    return Commit(delivery, [Reply("interface.a!s", {"value": content})], session)


async def calls_for(*commits: Commit) -> list[int]:
    calls = Calls()
    answers = await Committer(cast(Layer, calls), "worker.a").commit_all(commits)
    assert answers == [True] * len(commits)
    return calls.sizes


async def test_what_is_small_leaves_together() -> None:
    assert await calls_for(*[commit("x")] * 50) == [50]


@pytest.mark.parametrize(
    "content",
    [
        "x" * 400_000,
        b"x" * 400_000,
        "\N{SNOWMAN}" * 140_000,
        [{"text": "x" * 100_000}] * 4,
        {"x" * 400_000: 1},
        list(range(100_000)),
    ],
    ids=["text", "bytes", "beyond ascii", "nested", "keys", "many small values"],
)
async def test_a_call_is_bounded_in_bytes(content: Any) -> None:
    assert await calls_for(*[commit(content)] * 5) == [2, 2, 1]


async def test_sessions_count_as_well() -> None:
    assert await calls_for(*[commit("x", session={"value": "x" * 400_000})] * 4) == [2, 2]


async def test_what_is_too_large_by_itself_goes_alone() -> None:
    large = commit(b"x" * (MAX_COMMIT_BYTES + 1))
    assert await calls_for(commit("x"), large, commit("x"), commit("x")) == [1, 1, 2]


async def test_no_depth_and_no_circle_stops_it() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    circle: list[Any] = []
    circle += [circle] * 1_000
    assert await calls_for(commit(deep), commit(circle)) == [1, 1]
