"""When to ask: patience, one question at a time for each group, retries, pacing, giving up."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any

from switchboard.interface.repairs import (
    FIRST_PATIENCE,
    GAP_PATIENCE,
    GIVE_UP_AFTER,
    LONGEST_PATIENCE,
    MAX_QUESTIONS,
    MOST_ASKED,
    QUESTIONS_INTERVAL,
    Repairs,
)


def due(repairs: Repairs, now: float) -> list[str]:
    return list(repairs.due(now))


def test_a_gap_gets_its_second_and_then_one_question() -> None:
    repairs = Repairs()
    repairs.note("g", 5, 100.0)

    assert repairs.wake_at == 100.0 + GAP_PATIENCE
    assert due(repairs, 100.9) == []
    assert due(repairs, 101.0) == ["g"]
    repairs.note("g", 5, 101.1)
    assert due(repairs, 101.0 + FIRST_PATIENCE - 0.1) == []
    assert due(repairs, 101.0 + FIRST_PATIENCE) == ["g"], "nobody answered"


def test_a_gap_that_closes_is_forgotten() -> None:
    repairs = Repairs()
    repairs.note("g", 5, 0.0)
    repairs.note("g", None, 0.5)

    assert len(repairs) == 0 and repairs.wake_at is None


def test_what_moves_gets_new_patience() -> None:
    repairs = Repairs()
    repairs.note("g", 5, 0.0)
    repairs.note("g", 6, 0.9)

    assert due(repairs, 1.5) == []
    assert due(repairs, 1.9) == ["g"]


def test_a_full_group_asks_at_once() -> None:
    repairs = Repairs()
    repairs.note("g", 5, 0.0, urgent=True)

    assert due(repairs, 0.0) == ["g"]
    repairs.note("g", 5, 0.1, urgent=True)
    assert due(repairs, 0.1) == []


def test_an_answer_that_brings_something_is_followed_by_the_next_question() -> None:
    repairs = Repairs()
    repairs.note("g", 5, 0.0)
    due(repairs, 1.0)
    repairs.answered("g", 205, 1.1)

    assert due(repairs, 1.1) == ["g"]
    repairs.answered("g", None, 1.2)
    assert len(repairs) == 0


def test_an_answer_that_brings_nothing_is_no_reason_to_hurry() -> None:
    repairs = Repairs()
    repairs.note("g", 5, 0.0)
    now, asked = 1.0, []
    while now < 60:
        if due(repairs, now):
            asked.append(now)
            repairs.answered("g", 5, now)
        assert repairs.wake_at is not None and repairs.wake_at > now
        now = repairs.wake_at

    assert len(asked) < 10
    assert asked[1] - asked[0] >= GAP_PATIENCE
    assert asked[-1] - asked[-2] <= LONGEST_PATIENCE


def test_a_recovery_asks_for_all_groups_a_few_at_a_time() -> None:
    repairs = Repairs()
    groups = {f"g{number}" for number in range(3 * MOST_ASKED)}
    for group in groups:
        repairs.doubt(group, None, 0.0)
    asked: set[str] = set()
    while len(repairs):
        batch = due(repairs, 0.0)
        assert 0 < len(batch) <= MOST_ASKED
        assert due(repairs, 0.0) == []
        assert repairs.wake_at is not None and repairs.wake_at > 0.0, "no hurry while all questions are out"
        asked.update(batch)
        for group in batch:
            repairs.note(group, None, 0.0)
            repairs.answered(group, None, 0.0)

    assert asked == groups


def test_what_cannot_be_asked_is_neither_dropped_nor_given_up() -> None:
    repairs = Repairs()
    repairs.note("g", 5, 0.0)
    now = 0.0
    for _ in range(300):
        now += 1.0
        if due(repairs, now):
            repairs.failed("g", now)
        assert repairs.hopeless(now) == []

    assert due(repairs, now + GAP_PATIENCE) == ["g"]


def test_a_gap_that_nobody_can_fill_is_given_up() -> None:
    repairs = Repairs()
    repairs.note("g", 5, 0.0)
    now = 0.0
    questions = 0
    while not (hopeless := repairs.hopeless(now)):
        questions += len(due(repairs, now))
        assert repairs.wake_at is not None
        now = max(repairs.wake_at, now + 0.1)

    assert hopeless == ["g"]
    assert GIVE_UP_AFTER <= now <= GIVE_UP_AFTER + LONGEST_PATIENCE + 1
    assert 3 < questions < 10
    repairs.note("h", 1, now)
    assert due(repairs, now + 1) == ["h"], "the question that was out no longer counts"


def test_a_group_that_is_left_gives_its_place_to_others() -> None:
    repairs = Repairs()
    for number in range(MOST_ASKED + 1):
        repairs.doubt(f"g{number}", None, 0.0)
    assert len(due(repairs, 0.0)) == MOST_ASKED
    repairs.forget("g0")

    assert due(repairs, 0.0) == [f"g{MOST_ASKED}"]


def test_an_answer_costs_its_own_gap_only_however_many_groups_are_in_doubt() -> None:
    def cost_of_an_answer(groups: int) -> int:
        repairs = Repairs()
        for number in range(groups):
            repairs.doubt(f"g{number}", None, 0.0)
        asked = due(repairs, 0.0)

        def turn() -> None:
            repairs.answered(asked[0], None, 0.1)
            assert due(repairs, 0.1)
            assert repairs.wake_at is not None
            assert repairs.hopeless(0.1) == []

        return executed_lines(turn)

    few, many = cost_of_an_answer(100), cost_of_an_answer(10_000)
    assert many <= few + 100, "lines of Python: a walk over all gaps has one at least for each"


def test_a_whole_recovery_of_ten_thousand_groups_is_no_square() -> None:
    repairs = Repairs()

    def recover() -> None:
        now = 0.0
        for number in range(10_000):
            repairs.doubt(f"g{number}", None, now)
        while len(repairs):
            assert repairs.wake_at is not None
            now = max(now, repairs.wake_at)
            for group in due(repairs, now):
                repairs.answered(group, None, now)

    assert executed_lines(recover, at_most=3_000_000) < 3_000_000


def test_questions_are_bounded_in_each_interval_however_fast_the_answers_come() -> None:
    repairs = Repairs()
    for number in range(10 * MAX_QUESTIONS):
        repairs.doubt(f"g{number}", None, 100.0)
    now, asked_at = 100.0, []
    while len(repairs):
        for group in due(repairs, now):
            asked_at.append(now)
            repairs.answered(group, None, now)
        now = max(now, repairs.wake_at or now)

    assert max(Counter(asked_at).values()) <= MAX_QUESTIONS
    for at in asked_at:
        assert sum(at <= other < at + QUESTIONS_INTERVAL for other in asked_at) <= 2 * MAX_QUESTIONS
    assert asked_at[-1] <= 100.0 + 10 * QUESTIONS_INTERVAL, "and no later than that bound asks for"


def test_what_members_lack_comes_before_what_may_have_been_lost() -> None:
    repairs = Repairs()
    for number in range(3 * MOST_ASKED):
        repairs.doubt(f"g{number}", None, 0.0)
    repairs.note(f"g{2 * MOST_ASKED}", 7, 0.5)
    repairs.note("gap", 5, 0.0)

    assert due(repairs, 1.0)[:2] == [f"g{2 * MOST_ASKED}", "gap"]


def test_groups_that_come_and_go_leave_nothing_behind() -> None:
    repairs = Repairs()
    for number in range(MOST_ASKED):
        repairs.note(f"stuck{number}", 1, 0.0)
    assert len(due(repairs, 1.0)) == MOST_ASKED, "so that nobody looks at those that wait"
    for number in range(10_000):
        repairs.note("restless", number, 2.0 + number)
        repairs.note("passing", number, 2.0)
        repairs.note("passing", None, 2.0)

    assert repairs.outdated_entries < 200


def executed_lines(run: Callable[[], None], at_most: int | None = None) -> int:
    """Count the lines of Python that ``run`` executes; stop counting, and running, at ``at_most``."""
    lines = 0

    def trace(frame: FrameType, event: str, arg: object) -> Callable[..., Any]:
        nonlocal lines
        lines += event == "line"
        if lines == at_most:
            raise AssertionError(f"{at_most} lines are not enough")
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return lines
