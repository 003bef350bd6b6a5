"""Moments of a run at which somebody else has something to do: read the servers' CPU seconds, kill one of them.

The generator says the mark's name on a line of its own and waits for a line in answer. Alone, it waits for nobody.
"""

from __future__ import annotations

import asyncio
import json
import sys
from time import monotonic

__all__ = ["Marks", "SpokenMarks"]


class Marks:
    """Nobody listens."""

    async def reach(self, name: str, **facts: object) -> None:
        """Come to this mark; returns when everybody is ready to go on."""


class SpokenMarks(Marks):
    """Marks go to standard output, answers come from standard input."""

    async def reach(self, name: str, **facts: object) -> None:
        print(json.dumps({"mark": name, "at": monotonic(), **facts}), flush=True)
        if not await asyncio.to_thread(sys.stdin.readline):
            raise EOFError("whoever listens to the marks is gone")
