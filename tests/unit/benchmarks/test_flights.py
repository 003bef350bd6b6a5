"""What is under way, and when it was to leave."""

from __future__ import annotations

from itertools import islice
from time import monotonic

import pytest

from benchmarks.load.flights import Flights
from benchmarks.load.paced import bursts, random_moments


def test_a_message_lands_when_the_last_member_has_heard_it() -> None:
    landed: list[int] = []
    flights = Flights(first_key=0)
    key = flights.begin(2, landed=lambda: landed.append(1))
    flights.heard(key)
    assert (landed, len(flights)) == ([], 1)
    flights.heard(key)
    assert (landed, len(flights), flights.completed, flights.deliveries) == ([1], 0, 1, 2)


def test_only_what_was_sent_while_measuring_is_a_sample() -> None:
    flights = Flights(first_key=0)
    before = flights.begin(1)
    flights.measuring = True
    within = flights.begin(1)
    flights.measuring = False
    flights.heard(before)
    flights.heard(within)  # after the measured time, and yet its latency counts
    assert len(flights.latencies) == 1
    assert flights.deliveries == 2


def test_latency_counts_from_when_it_was_to_leave() -> None:
    flights = Flights(first_key=0)
    flights.measuring = True
    flights.heard(flights.begin(1, at=monotonic() - 3.0))
    assert flights.latencies[0] >= 3.0


def test_what_nobody_hears_is_lost_for_each_who_did_not() -> None:
    landed: list[int] = []
    flights = Flights(first_key=0)
    old = flights.begin(3, at=monotonic() - 20, landed=lambda: landed.append(1))
    flights.heard(old)
    young = flights.begin(3)
    flights.give_up(10.0)
    assert (flights.lost, len(flights), landed) == (2, 1, [1])
    flights.heard(old)  # too late: it counts as unexpected, not as a delivery
    flights.heard(young)
    assert (flights.unexpected, flights.deliveries) == (1, 2)


def test_bursts_are_one_for_each_room_at_once() -> None:
    assert list(islice(bursts(80, 20), 41)) == [0.0] * 20 + [0.25] * 20 + [0.5]


def test_random_moments_ascend_at_the_rate_and_are_the_same_for_everybody() -> None:
    moments = list(islice(random_moments(100, seed=1), 10_000))
    assert moments == sorted(moments)
    assert moments[-1] == pytest.approx(100, rel=0.05)
    assert moments == list(islice(random_moments(100, seed=1), 10_000))
