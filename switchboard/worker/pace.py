"""How many messages to take at once.

A batch that takes long keeps everybody waiting who comes after it, and dies as a whole with its worker. So a batch is
given a time, and its size follows from how long the last ones took: a consumer that needs a second for each message
gets one at a time.
"""

from __future__ import annotations

from typing import Final

#: Seconds that a batch may take.
TARGET: Final = 0.05
#: To begin with. What a message costs is not known yet.
FIRST_SIZE: Final = 8
#: How much the last batch says against those before it.
_WEIGHT: Final = 0.3


class Pace:
    """Sizes from 1 to ``most``."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seconds_each: float | None = None

    @property
    def size(self) -> int:
        """Messages in the next batch, at most."""
        if self._seconds_each is None:
            return min(FIRST_SIZE, self._most)
        return max(1, min(self._most, int(TARGET / self._seconds_each)))

    def took(self, seconds: float, messages: int) -> None:
        """A batch of so many took so long."""
        each = max(seconds, 1e-6) / messages
        before = each if self._seconds_each is None else self._seconds_each
        self._seconds_each = before + (each - before) * _WEIGHT
