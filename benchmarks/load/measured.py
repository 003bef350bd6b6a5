"""What one run of the load generator found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from benchmarks.load.crowd import Crowd
from benchmarks.load.flights import Flights
from benchmarks.samples import Samples, Spread

__all__ = ["Measured"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Numbers of the measured time alone, unless they say otherwise."""

    seconds: float
    messages: int
    deliveries: int
    #: Of what was sent in the measured time, also what arrived after it.
    latencies: Samples
    #: Deliveries that never came, or came twice, in the whole run; and refusals.
    lost: int
    unexpected: int
    refused: int
    #: How busy this process was, 1.0 being a whole core: near 1 it is the generator that was measured.
    generator: float
    #: Sockets that the server closed.
    closed: int
    refusal: str = ""
    #: How late messages left, in an open loop.
    lateness: Samples | None = None

    @classmethod
    def of(
        cls,
        crowd: Crowd,
        flights: Flights,
        *,
        took: float,
        cpu: float,
        deliveries: int,
        messages: int,
        lateness: Samples | None = None,
    ) -> Self:
        members = crowd.members
        return cls(
            seconds=took,
            messages=messages,
            deliveries=deliveries,
            latencies=flights.latencies,
            lost=flights.lost,
            unexpected=flights.unexpected,
            refused=sum(member.refused for member in members),
            refusal=next((member.refusal.decode(errors="replace") for member in members if member.refused), ""),
            generator=cpu / took,
            closed=sum(not member.open for member in members),
            lateness=lateness,
        )

    def as_json(self) -> dict[str, Any]:
        """Without the samples themselves."""
        spread = Spread.of(self.latencies)
        late = None if self.lateness is None else Spread.of(self.lateness)
        return {
            "seconds": round(self.seconds, 3),
            "messages": self.messages,
            "messages_per_second": round(self.messages / self.seconds, 1),
            "deliveries": self.deliveries,
            "deliveries_per_second": round(self.deliveries / self.seconds, 1),
            "latency_ms": None if spread is None else spread.as_json(),
            "lateness_ms": None if late is None else late.as_json(),
            "lost": self.lost,
            "unexpected": self.unexpected,
            "refused": self.refused,
            "refusal": self.refusal,
            "closed": self.closed,
            "generator": round(self.generator, 3),
        }
