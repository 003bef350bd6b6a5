"""Sockets that say nothing: how long it takes to let them all in, and what they then cost.

The costs are read by whoever listens to the marks: ``empty`` (a few sockets have come and gone, so that everything is
loaded), ``silent`` (all are in, and what their coming left to do is done), ``end``.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any, Final

from benchmarks.load.crowd import Crowd
from benchmarks.load.dialects import Dialect
from benchmarks.load.flights import Flights
from benchmarks.load.marks import Marks

__all__ = ["sit"]

#: Sockets that come and go first.
FIRST: Final = 50
#: Seconds after the last socket came, or went.
SETTLING: Final = 3.0


async def sit(
    urls: list[str], dialect: Dialect, *, rooms: int, members: int, seconds: float, marks: Marks
) -> dict[str, Any]:
    """Open all sockets, then do nothing for so many seconds."""
    scouts = Crowd(urls, dialect, Flights(0))
    await scouts.fill(FIRST, 1)
    await scouts.leave()
    await asyncio.sleep(SETTLING)
    await marks.reach("empty")
    crowd = Crowd(urls, dialect, Flights(0))
    begun = monotonic()
    await crowd.fill(rooms, members)
    took = monotonic() - begun
    await asyncio.sleep(SETTLING)
    await marks.reach("silent")
    await asyncio.sleep(seconds)
    await marks.reach("end")
    lost = sum(not member.open for member in crowd.members)
    await crowd.leave()
    return {
        "sockets": rooms * members,
        "connected_after": round(took, 3),
        "connects_per_second": round(rooms * members / took, 1),
        "seconds": seconds,
        "closed": lost,
    }
