"""When an interface looks for garbage in rings: objects that nobody refers to but each other.

Python does so by itself whenever there is a quarter more than the last time, and then walks through all there is. In an
interface that is its sockets, and they live long: with 5,000 of them nobody was served for 0.2 s, every five to eight
seconds, for next to nothing (CPython 3.11, timed by ``gc.callbacks``). So what is young is looked through as ever, and
what is old when there is something to find:

* a socket that closes leaves a ring of some fifty objects (its transport, its handshake and its protocol, which Twisted
  and Autobahn tie to one another). After as many have closed as are open it costs each no more than the look at one. A
  connection of HTTP counts as well, for it may leave one;
* whatever else there may be waits for `PATIENCE`.

What was there before the first socket is never looked at.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any, Final

__all__ = ["LEAST", "PATIENCE", "Garbage"]

#: Closed connections that are not worth a look; some 12 KB for each socket.
LEAST: Final = 1_000
#: Seconds.
PATIENCE: Final = 600.0
#: So many looks at the middle generation that Python never looks at the old one by itself.
_NEVER: Final = 1_000_000_000


class Garbage:
    """Of this process; ``collect`` looks for it and ``clock`` tells seconds."""

    def __init__(self, collect: Callable[[], Any] = gc.collect, clock: Callable[[], float] = time.monotonic) -> None:
        self._collect = collect
        self._clock = clock
        self._closed = 0
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
        if self._closed >= max(LEAST, still_open) or self._clock() - self._looked >= PATIENCE:
            self._collect()
            self._closed, self._looked = 0, self._clock()
