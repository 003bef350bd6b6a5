"""A closed loop: so many messages are under way at any time, and the next leaves when the last member has heard one.

It finds out how much a system can do when it is never left alone. It says little about how long people wait: whoever
is slow is asked less often. That is what the open loop is for (`benchmarks.load.paced`).
"""

from __future__ import annotations

import asyncio
from time import monotonic, process_time
from typing import Final

from benchmarks.load.crowd import Crowd
from benchmarks.load.flights import Flights
from benchmarks.load.marks import Marks
from benchmarks.load.measured import Measured

__all__ = ["talk"]

#: Seconds after which a message that somebody has not heard counts as lost. Far above every latency that was seen.
GIVEN_UP: Final = 10.0


class _Slot:
    """One message under way after the other, in one room after the other, said by one member after the other."""

    def __init__(self, number: int, slots: int, crowd: Crowd, flights: Flights) -> None:
        self._crowd = crowd
        self._flights = flights
        self._own = list(range(number % len(crowd.rooms), len(crowd.rooms), slots))
        #: Slots of one room let different members speak: a socket's messages wait for one another.
        self._turn = number * 7
        self._round = self._turn + len(self._own) * len(crowd.rooms[0])
        self.stopped = False

    @property
    def has_been_round(self) -> bool:
        """Whether everybody in its rooms has said something."""
        return self._turn > self._round

    def next(self) -> None:
        if self.stopped:
            return
        self._turn += 1
        room = self._crowd.rooms[self._own[self._turn % len(self._own)]]
        speaker = room[self._turn // len(self._own) % len(room)]
        key = self._flights.begin(len(room), landed=self.next)
        speaker.say(self._crowd.dialect.say(key))


async def talk(
    crowd: Crowd,
    flights: Flights,
    *,
    under_way: int,
    warm_up: float,
    seconds: float,
    marks: Marks,
    all_first: bool = False,
) -> Measured:
    """Keep so many messages under way, and measure for so many seconds after the warm-up. It also lasts until everybody
    has said something, if that is asked for: whoever speaks first may get a handle by it, which the room is told."""
    slots = [_Slot(number, under_way, crowd, flights) for number in range(under_way)]
    watching = asyncio.create_task(_watch(flights), name="giving up what is lost")
    for slot in slots:
        slot.next()
    await asyncio.sleep(warm_up)
    while all_first and not all(slot.has_been_round for slot in slots):
        await asyncio.sleep(0.1)
    await marks.reach("warm")
    flights.measuring = True
    begun, cpu = monotonic(), process_time()
    deliveries, completed = flights.deliveries, flights.completed
    await asyncio.sleep(seconds)
    took, cpu = monotonic() - begun, process_time() - cpu
    deliveries, completed = flights.deliveries - deliveries, flights.completed - completed
    flights.measuring = False
    await marks.reach("measured")
    for slot in slots:
        slot.stopped = True
    await drained(flights)
    watching.cancel()
    return Measured.of(crowd, flights, took=took, cpu=cpu, deliveries=deliveries, messages=completed)


async def drained(flights: Flights) -> None:
    """Wait until nothing is under way any more, or was given up."""
    horizon = monotonic() + GIVEN_UP
    while len(flights) and monotonic() < horizon:
        await asyncio.sleep(0.02)
    flights.give_up(0.0)


async def _watch(flights: Flights) -> None:
    while True:
        await asyncio.sleep(1.0)
        flights.give_up(GIVEN_UP)
