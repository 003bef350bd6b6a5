"""The last numbers of groups: the highest counts, the old and the many are forgotten."""

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


def test_the_highest_number_of_each_group_is_told() -> None:
    assert noted(("tea", 3), ("cake", 1), ("tea", 2), ("chatter", None)).recent(60) == [Tip("cake", 1), Tip("tea", 3)]


def test_what_is_old_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    made = noted(("tea", 3))
    now[0] = 110.0
    made.note([GroupMessage("cake", {}, seq=1)])
    assert made.recent(5) == [Tip("cake", 1)]
    assert made.recent(60) == [Tip("cake", 1)]


def test_they_are_bounded_and_who_changed_longest_ago_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tips, "MOST", 2)
    assert noted(("a", 1), ("b", 1), ("a", 2), ("c", 1)).recent(60) == [Tip("a", 2), Tip("c", 1)]
