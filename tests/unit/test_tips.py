"""The last numbers of groups: the highest counts, the old and the many are forgotten, and they leave in slices."""

from __future__ import annotations

import time

import pytest

from switchboard.events import GroupMessage, Tip
from switchboard.layers import tips
from switchboard.layers.tips import Tips


def noted(*messages: tuple[str, int | None]) -> Tips:
    made = Tips()
    made.note([GroupMessage(group, {}, seq=seq) for group, seq in messages])
    return made


def round_of(made: Tips, seconds: float = 60.0) -> list[list[Tip]]:
    """The slices of one round."""
    slices = []
    made.begin_round(seconds)
    while some := made.next_slice():
        slices.append(some)
        made.told(some)
    return slices


def test_the_highest_number_of_each_group_is_told() -> None:
    made = noted(("tea", 3), ("cake", 1), ("tea", 2), ("chatter", None))
    assert round_of(made) == [[Tip("cake", 1), Tip("tea", 3)]]
    assert round_of(made) == [[Tip("cake", 1), Tip("tea", 3)]], "and once more in the next round"


def test_what_is_old_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    made = noted(("tea", 3))
    now[0] = 110.0
    made.note([GroupMessage("cake", {}, seq=1)])
    assert round_of(made, 5) == [[Tip("cake", 1)]]
    assert round_of(made, 60) == [[Tip("cake", 1)]]


def test_they_are_bounded_and_who_changed_longest_ago_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tips, "MOST", 2)
    assert round_of(noted(("a", 1), ("b", 1), ("a", 2), ("c", 1))) == [[Tip("a", 2), Tip("c", 1)]]


def test_ten_thousand_groups_leave_in_slices_of_a_bounded_number_and_of_bounded_bytes() -> None:
    groups = [f"{'room' * (1 + 20 * (number % 2))}.{number}" for number in range(10_000)]
    slices = round_of(noted(*((group, 7) for group in groups)))
    assert [tip.group for some in slices for tip in some] == groups
    assert all(len(some) <= tips.MAX_SLICE for some in slices)
    assert all(sum(len(tip.group) for tip in some) <= tips.MAX_SLICE_BYTES for some in slices)
    assert len(slices) <= 10_000 / tips.MAX_SLICE + 10_000 * 90 / tips.MAX_SLICE_BYTES


def test_a_name_that_fills_a_slice_leaves_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tips, "MAX_SLICE_BYTES", 3)
    assert round_of(noted(("tea", 3), ("cake", 1))) == [[Tip("tea", 3)], [Tip("cake", 1)]]


def test_a_slice_that_did_not_leave_is_where_the_next_round_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tips, "MAX_SLICE", 2)
    made = noted(("a", 1), ("b", 1), ("c", 1), ("d", 1), ("e", 1))
    made.begin_round(60)
    made.told(made.next_slice())
    assert made.next_slice() == [Tip("c", 1), Tip("d", 1)], "it leaves, and is lost"

    made.note([GroupMessage("d", {}, seq=2), GroupMessage("f", {}, seq=1)])
    groups = [[tip.group for tip in some] for some in round_of(made)]
    assert groups == [["c", "d"], ["e", "a"], ["b", "f"]]
    assert made.next_slice() == []
