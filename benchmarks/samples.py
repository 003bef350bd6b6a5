"""Percentiles of raw samples.

Every latency of a run is kept, and percentiles are read off all of them together. Percentiles of parts are never
averaged: the mean of two 99th percentiles is the 99th percentile of nothing.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self, TypeAlias

__all__ = ["Samples", "Spread", "keep_samples", "no_samples", "percentile", "read_samples"]

#: Seconds.
Samples: TypeAlias = "array[float]"


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest sample that at least so many percent do not exceed (nearest rank); ``ordered`` is ascending.

    Raises ValueError where there are no samples or no such percentile.
    """
    if not ordered:
        raise ValueError("no samples have no percentiles")
    if not 0 < percent <= 100:
        raise ValueError(f"there is no percentile {percent}")
    # Before the ceiling, or binary fractions push exact ranks one too high: 99.9 / 100 * 1000 is 999.0000000000001.
    rank = math.ceil(round(percent / 100 * len(ordered), 9))
    return ordered[rank - 1]


@dataclass(frozen=True, slots=True)
class Spread:
    """How samples of seconds are spread, in milliseconds."""

    count: int
    p50: float
    p90: float
    p99: float
    p999: float
    most: float

    @classmethod
    def of(cls, seconds: Iterable[float]) -> Self | None:
        """None where there is no sample."""
        ordered = sorted(seconds)
        if not ordered:
            return None
        shares = [round(percentile(ordered, percent) * 1000, 3) for percent in (50, 90, 99, 99.9, 100)]
        return cls(len(ordered), *shares)

    def as_json(self) -> dict[str, float]:
        return asdict(self)


def no_samples() -> Samples:
    """Room for seconds, four bytes each: there are tens of thousands in a second of a full room."""
    return array("f")


def read_samples(file: Path) -> Samples:
    """What `keep_samples` wrote."""
    samples = no_samples()
    samples.frombytes(file.read_bytes())
    return samples


def keep_samples(samples: Samples, file: Path) -> None:
    with file.open("wb") as out:
        samples.tofile(out)
