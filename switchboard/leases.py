"""Telling the dead from the slow: leases as observed stillness.

Whoever lives makes something move: a worker its deliveries and its beat, an interface its heartbeat. What stands still
for a whole lease belongs to somebody who is gone. But that the server *says* "unchanged for a minute" proves nothing:
perhaps the server itself was frozen for that minute, and nobody could move anything; perhaps it was us. So only the
time counts in which this process, on an unbroken connection, looked again and again and saw no change. (Interfaces are
watched by all workers together, with the same care: `switchboard.layers.base.Layer.watch_interfaces`.)
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Stillness(Generic[K]):
    """For how long each of many values has not changed under our own eyes. Pure: the time is given.

    Looks further apart than ``unbroken`` seconds were interrupted: then counting begins anew.
    """

    def __init__(self, *, unbroken: float) -> None:
        self._unbroken = unbroken
        self._seen: dict[K, tuple[object, float]] = {}
        self._looked_at: float | None = None
        self._began = 0.0

    def look(self, values: Mapping[K, object], now: float) -> Mapping[K, float]:
        """Take note of ``values`` at ``now``, of a monotonic clock; for how many seconds each has stood still."""
        before = self._seen
        if self._looked_at is None or now - self._looked_at > self._unbroken:
            before, self._began = {}, now
        self._looked_at = now
        self._seen = {
            key: before[key] if key in before and before[key][0] == value else (value, now)
            for key, value in values.items()
        }
        return {key: now - since for key, (_, since) in self._seen.items()}

    def watched(self, now: float) -> float | None:
        """Return for how many seconds looks have followed each other up to ``now``; None if they were interrupted."""
        if self._looked_at is None or now - self._looked_at > self._unbroken:
            return None
        return now - self._began

    def interrupted(self) -> None:
        """The connection broke: what was seen before says nothing."""
        self._looked_at = None
