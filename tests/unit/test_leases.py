"""Nobody is taken for dead because the server was frozen, and who is dead does not stay unnoticed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from switchboard.leases import Stillness

LEASE = 4.0


def stillness() -> Stillness[str]:
    return Stillness(unbroken=LEASE)


def test_it_counts_from_the_first_look() -> None:
    still = stillness()
    assert still.look({"a": 7}, 100.0) == {"a": 0.0}
    assert still.look({"a": 7}, 103.5) == {"a": 3.5}


def test_a_change_starts_again() -> None:
    still = stillness()
    still.look({"a": 7, "b": 1}, 10.0)
    assert still.look({"a": 8, "b": 1}, 12.0) == {"a": 0.0, "b": 2.0}


def test_a_broken_connection_starts_everything_again() -> None:
    still = stillness()
    still.look({"a": 7}, 10.0)
    still.interrupted()
    assert still.look({"a": 7}, 12.0) == {"a": 0.0}


def test_a_gap_between_looks_is_an_interruption() -> None:
    still = stillness()
    still.look({"a": 7}, 10.0)
    assert still.look({"a": 7}, 10.0 + LEASE + 0.1) == {"a": 0.0}


def test_what_was_gone_in_between_starts_again() -> None:
    still = stillness()
    still.look({"a": 7}, 10.0)
    still.look({}, 11.0)
    assert still.look({"a": 7}, 12.0) == {"a": 0.0}


@given(st.lists(st.floats(0.01, 10.0), min_size=1, max_size=30))
def test_whoever_moves_between_any_two_looks_never_stands_still(steps: list[float]) -> None:
    still, now = stillness(), 0.0
    for beat, step in enumerate(steps):
        assert still.look({"a": beat}, now) == {"a": 0.0}
        now += step


@given(st.lists(st.floats(0.01, 0.9 * LEASE), min_size=1, max_size=30))
def test_whoever_stands_still_is_noticed_after_the_time_that_passed(steps: list[float]) -> None:
    still, now = stillness(), 5.0
    still.look({"a": 0}, now)
    for step in steps:
        now += step
        assert still.look({"a": 0}, now)["a"] == now - 5.0


def test_for_how_long_there_was_a_watch() -> None:
    stillness: Stillness[str] = Stillness(unbroken=2)
    assert stillness.watched(0) is None
    for now in (10, 11, 12.5):
        stillness.look({}, now)
    assert stillness.watched(13) == 3
    assert stillness.watched(15) is None, "nobody looked for too long"
    stillness.look({}, 15)
    assert stillness.watched(16) == 1
    stillness.interrupted()
    assert stillness.watched(16) is None
