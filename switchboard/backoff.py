"""Waiting longer each time, for what is expected to come back."""

from __future__ import annotations

import asyncio
import random

#: Seconds before the first further try, and at most between two.
FIRST, MOST = 0.05, 2.0


class Backoff:
    """Exponential with full jitter: many who lost the same server don't come back at the same moment."""

    def __init__(self) -> None:
        self._bound = FIRST

    async def wait(self) -> None:
        await asyncio.sleep(random.uniform(0, self._bound))  # noqa: S311 - jitter is no secret
        self._bound = min(self._bound * 2, MOST)

    def reset(self) -> None:
        self._bound = FIRST
