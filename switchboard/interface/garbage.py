"""When an interface looks for garbage in rings: objects that nobody refers to but each other.

Python does so by itself whenever there is a quarter more than the last time, and then walks through all there is. In an
interface that is its sockets, and they live long: with 5,000 of them nobody was served for 0.2 s, every five to eight
seconds, for next to nothing (CPython 3.11, timed by ``gc.callbacks``). So what is young is looked through as ever, and
what is old when there is something to find:

* a closed socket may leave a ring: of its transport, its handshake and its protocol, which Twisted and Autobahn tie
  to one another. After as many have closed as are open it costs each no more than the look at one. A connection of HTTP
  counts as well, for it may leave one;
* whatever else there may be waits for `PATIENCE`.

The rings that these libraries tie today are broken when a connection is lost (`endpoint`, `server`), so the first of
these looks finds nothing. It is there for a ring that a later release ties. After a look that found less than an object
for each closed connection, the next one is due after twice as many, up to `MAX_RARER` times as many.

What was there before the first socket is never looked at.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Final

__all__ = ["LEAST", "MAX_RARER", "PATIENCE", "Garbage"]

#: Closed connections that are not worth a look; some 12 KB for each socket.
LEAST: Final = 1_000
#: How many times as many connections close before a look, where looks find nothing.
MAX_RARER: Final = 8
#: Seconds.
PATIENCE: Final = 600.0
#: So many looks at the middle generation that Python never looks at the old one by itself.
_NEVER: Final = 1_000_000_000


class Garbage:
    """Of this process; ``collect`` looks for it and returns how many objects it found, ``clock`` tells seconds."""

    def __init__(self, collect: Callable[[], int] = gc.collect, clock: Callable[[], float] = time.monotonic) -> None:
        self._collect = collect
        self._clock = clock
        self._closed = 0
        self._rarer = 1
        self._looked = clock()

    def begin(self) -> None:
        """From now on this decides when to look, for the whole process. To be called before the first socket."""
        self._collect()
        gc.freeze()
        gc.set_threshold(*gc.get_threshold()[:2], _NEVER)

    def closed(self) -> None:
        """A connection has closed."""
        self._closed += 1

    def look(self, still_open: int) -> None:
        """Collect if it is time to, with so many connections open. To be called every second or so."""
        enough = max(LEAST, still_open) * self._rarer
        if self._closed >= enough or self._clock() - self._looked >= PATIENCE:
            found = self._collect()
            if self._closed >= LEAST:
                self._rarer = 1 if found >= self._closed else min(2 * self._rarer, MAX_RARER)
            self._closed, self._looked = 0, self._clock()
