"""Nobody becomes a thief because the server was frozen, and what a dead worker held is not left lying."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from switchboard.layers.base import Pending
from switchboard.worker.delivery import CLOCK_ROUNDING_MS, Patience

LEASE = 4.0


def seen(delivered_at: int, owner: str = "worker.a") -> list[Pending]:
    return [Pending("websocket.receive", "1-0", owner, delivered_at)]


def test_what_stood_still_for_a_lease_may_be_taken() -> None:
    patience = Patience(LEASE)
    assert [patience.look(seen(1000), now) for now in (10.0, 12.0, 13.9)] == [[], [], []]
    assert patience.look(seen(1000), 14.0) == seen(1000)


def test_an_old_delivery_seen_for_the_first_time_may_not() -> None:
    assert Patience(LEASE).look(seen(-1_000_000), 10.0) == []


def test_a_renewal_starts_the_lease_again() -> None:
    patience = Patience(LEASE)
    patience.look(seen(1000), 10.0)
    patience.look(seen(3000), 13.0)
    assert patience.look(seen(3000), 14.5) == []


def test_another_owner_starts_the_lease_again() -> None:
    patience = Patience(LEASE)
    patience.look(seen(1000), 10.0)
    assert patience.look(seen(1000, "worker.b"), 14.5) == []


def test_the_rounding_of_the_clock_does_not() -> None:
    patience = Patience(LEASE)
    patience.look(seen(1000), 10.0)
    assert patience.look(seen(1000 + CLOCK_ROUNDING_MS), 14.0)


def test_a_broken_connection_starts_every_lease_again() -> None:
    patience = Patience(LEASE)
    patience.look(seen(1000), 10.0)
    patience.forget()
    assert patience.look(seen(1000), 14.5) == []


def test_what_was_gone_in_between_starts_again() -> None:
    patience = Patience(LEASE)
    patience.look(seen(1000), 10.0)
    patience.look([], 12.0)
    assert patience.look(seen(1000), 14.5) == []


@given(st.lists(st.floats(0.1, 3.9), min_size=1, max_size=30), st.floats(0, 3.9))
def test_a_worker_that_renews_within_the_lease_is_never_robbed(steps: list[float], frozen: float) -> None:
    """Looks come at any rhythm; the owner renewed since the look before each time."""
    patience, now = Patience(LEASE), 0.0
    for step in [*steps, frozen]:
        assert patience.look(seen(int(now * 1000) * 2), now) == []
        now += step
