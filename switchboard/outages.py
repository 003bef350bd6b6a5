"""Saying that something is away: when that begins, from time to time while it lasts, and when it is over.

Everybody who needs it tries again each second or so, and there are many in a process. A line for each try would hide
what else the log has to say.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

#: Seconds between two lines about the same outage.
SAY_EVERY: Final = 10.0


class Outage:
    """What ``away`` names, as in "no inbox yet"; said to ``logger``."""

    def __init__(self, logger: logging.Logger, away: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._away = away
        self._clock = clock
        self._since: float | None = None
        self._said_at = 0.0

    def lasts(self, error: object) -> None:
        """It is away, as ``error`` says."""
        now = self._clock()
        if self._since is None:
            self._since = now
        elif now - self._said_at < SAY_EVERY:
            return
        self._said_at = now
        self._logger.warning("%s: %s", self._away, error)

    def over(self) -> None:
        """It is there; perhaps it was all the time."""
        if self._since is not None:
            self._logger.info("%s: over after %.1f s", self._away, self._clock() - self._since)
            self._since = None
