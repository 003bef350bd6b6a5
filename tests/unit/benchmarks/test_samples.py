"""Percentiles: of raw samples, by nearest rank."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.samples import Spread, keep_samples, no_samples, percentile, read_samples

seconds = st.lists(st.floats(0, 100, allow_nan=False), min_size=1)


def test_ranks_of_a_hundred_samples() -> None:
    ordered = list(range(1, 101))
    assert [percentile(ordered, percent) for percent in (1, 50, 99, 99.1, 100)] == [1, 50, 99, 100, 100]


def test_an_exact_rank_is_not_rounded_up() -> None:
    assert percentile(list(range(1, 1001)), 99.9) == 999


def test_a_single_sample_is_every_percentile() -> None:
    assert {percentile([7.0], percent) for percent in (0.1, 50, 100)} == {7.0}


@pytest.mark.parametrize("percent", [0, -1, 100.1])
def test_a_percentile_that_does_not_exist(percent: float) -> None:
    with pytest.raises(ValueError, match="no percentile"):
        percentile([1.0], percent)


def test_no_samples() -> None:
    assert Spread.of([]) is None
    with pytest.raises(ValueError, match="no samples"):
        percentile([], 50)


@given(seconds, st.floats(0.1, 100))
def test_at_least_so_many_are_not_above_it_and_one_less_would_not_do(samples: list[float], percent: float) -> None:
    ordered = sorted(samples)
    found = percentile(ordered, percent)
    assert found in ordered
    assert sum(value <= found for value in ordered) >= percent / 100 * len(ordered) - 1e-6
    assert sum(value < found for value in ordered) < percent / 100 * len(ordered) + 1e-6


def test_pooled_percentiles_are_not_the_mean_of_those_of_the_parts() -> None:
    calm, rough = [0.001] * 99 + [0.002], [0.5] * 100
    pooled = Spread.of([*calm, *rough])
    assert pooled is not None
    assert (pooled.p50, pooled.p99, pooled.count) == (2.0, 500.0, 200)


def test_samples_survive_a_file(tmp_path: Path) -> None:
    samples = no_samples()
    samples.extend([0.25, 1.5])
    keep_samples(samples, tmp_path / "samples")
    assert list(read_samples(tmp_path / "samples")) == [0.25, 1.5]
