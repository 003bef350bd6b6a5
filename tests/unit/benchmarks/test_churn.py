"""What counts as a flat line."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.churn import TOLERANCE, Sample, growth


def line(rss: Callable[[int], float]) -> list[Sample]:
    """Sixty samples over 150,000 connections."""
    return [Sample(connections, rss(connections)) for connections in range(2_500, 150_001, 2_500)]


def test_warming_up_does_not_count() -> None:
    assert growth(line(lambda connections: 80.0 if connections > 50_000 else 70.0)) == 0


def test_a_leak_of_100_bytes_a_connection_is_not_flat() -> None:
    assert growth(line(lambda connections: 80 + connections * 100 / 2**20)) > 2 * TOLERANCE


def test_one_high_sample_makes_no_leak() -> None:
    assert growth(line(lambda connections: 95.0 if connections == 140_000 else 80.0)) == 0
