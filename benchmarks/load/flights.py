"""What is under way: each message from when it was (to be) sent until the last member of its room has heard it.

The latency of a delivery counts from the moment of sending, in an open loop from the moment at which it was *to be*
sent: a generator that waits for a slow server and measures only what it then sends leaves out just those moments in
which everybody waited (coordinated omission).
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from benchmarks.samples import no_samples

__all__ = ["Flight", "Flights"]


class Flight:
    """One message under way."""

    __slots__ = ("begun", "landed", "left", "measured")

    def __init__(self, begun: float, left: int, *, measured: bool, landed: Callable[[], None] | None) -> None:
        self.begun = begun
        self.left = left
        self.measured = measured
        self.landed = landed


class Flights:
    """All messages under way, by key, and what was measured of those that have arrived."""

    def __init__(self, first_key: int) -> None:
        self._under_way: dict[int, Flight] = {}
        self._next_key = first_key
        #: Whether what is sent now counts.
        self.measuring = False
        #: Seconds from sending to each delivery, of what counts.
        self.latencies = no_samples()
        self.sent = self.deliveries = self.completed = self.lost = self.unexpected = 0

    def __len__(self) -> int:
        return len(self._under_way)

    def begin(self, members: int, *, at: float | None = None, landed: Callable[[], None] | None = None) -> int:
        """A message leaves for so many members; its key. ``at`` is when it was to be sent, if not now; ``landed`` is
        called when the last one has heard it, or when it is given up."""
        self._next_key += 1
        begun = monotonic() if at is None else at
        self._under_way[self._next_key] = Flight(begun, members, measured=self.measuring, landed=landed)
        self.sent += 1
        return self._next_key

    def heard(self, key: int) -> None:
        """A member has heard it. This runs for every delivery: it is the loop that must be short."""
        flight = self._under_way.get(key)
        if flight is None:
            self.unexpected += 1
            return
        if flight.measured:
            self.latencies.append(monotonic() - flight.begun)
        self.deliveries += 1
        flight.left -= 1
        if not flight.left:
            del self._under_way[key]
            self.completed += 1
            if flight.landed is not None:
                flight.landed()

    def give_up(self, older_than: float) -> None:
        """What has been under way for so many seconds is lost, for those who have not heard it."""
        horizon = monotonic() - older_than
        for key in [key for key, flight in self._under_way.items() if flight.begun < horizon]:
            flight = self._under_way.pop(key)
            self.lost += flight.left
            if flight.landed is not None:
                flight.landed()
