"""When to ask: patience, one question at a time for each group, retries, pacing, giving up."""

from __future__ import annotations

from switchboard.interface.repairs import (
    FIRST_PATIENCE,
    GAP_PATIENCE,
    GIVE_UP_AFTER,
    LONGEST_PATIENCE,
    MOST_ASKED,
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
