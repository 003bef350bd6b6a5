"""An open loop: messages leave when their time has come, whatever became of those before.

Latency counts from the time at which a message was to leave. Times are either drawn at random, independent of one
another (as people are), or come in bursts, one message in every room at once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from itertools import count
from time import monotonic, process_time

from benchmarks.load.closed import drained
from benchmarks.load.crowd import Crowd
from benchmarks.load.flights import Flights
from benchmarks.load.marks import Marks
from benchmarks.load.measured import Measured
from benchmarks.samples import Samples, no_samples

__all__ = ["bursts", "random_moments", "talk"]


def random_moments(rate: float, seed: int) -> Iterator[float]:
    """Seconds from the beginning, ascending without end: exponential gaps, so many a second."""
    chance = random.Random(seed)
    at = 0.0
    while True:
        at += chance.expovariate(rate)
        yield at


def bursts(rate: float, rooms: int) -> Iterator[float]:
    """As `random_moments`, but so many at once as there are rooms."""
    for number in count():
        yield number // rooms * rooms / rate


async def talk(
    crowd: Crowd, flights: Flights, moments: Iterator[float], *, warm_up: float, seconds: float, marks: Marks
) -> Measured:
    """Say one message at each moment, the rooms taking turns; measure for so many seconds after the warm-up."""
    lateness = no_samples()
    begun = monotonic()
    numbers = count()
    last = await _say_until(begun + warm_up, begun, crowd, flights, moments, numbers, next(moments), lateness)
    await marks.reach("warm")
    flights.measuring, start, cpu = True, monotonic(), process_time()
    # What the mark took is no time in which anything was to be said.
    shift = begun + max(0.0, start - begun - warm_up)
    lateness = no_samples()
    deliveries, completed = flights.deliveries, flights.completed
    await _say_until(start + seconds, shift, crowd, flights, moments, numbers, last, lateness)
    took, cpu = monotonic() - start, process_time() - cpu
    deliveries, completed = flights.deliveries - deliveries, flights.completed - completed
    flights.measuring = False
    await marks.reach("measured")
    await drained(flights)
    return Measured.of(crowd, flights, took=took, cpu=cpu, deliveries=deliveries, messages=completed, lateness=lateness)


async def _say_until(
    end: float,
    origin: float,
    crowd: Crowd,
    flights: Flights,
    moments: Iterator[float],
    numbers: Iterator[int],
    moment: float,
    lateness: Samples,
) -> float:
    """Say what is due before ``end``; the first moment after it."""
    while (due := origin + moment) < end:
        if (early := due - monotonic()) > 0:
            await asyncio.sleep(early)
        number = next(numbers)
        room = crowd.rooms[number % len(crowd.rooms)]
        speaker = room[number // len(crowd.rooms) % len(room)]
        lateness.append(monotonic() - due)
        speaker.say(crowd.dialect.say(flights.begin(len(room), at=due)))
        moment = next(moments)
    if (early := end - monotonic()) > 0:
        await asyncio.sleep(early)
    return moment
