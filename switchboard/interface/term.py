"""What runs while nothing is in doubt: tasks that repeat their steps, until one of them ends for all.

It ends when a task has a `Doubt` whether the layer still holds what it held, or fails, which is a bug and logged as
one, or when it is told to. The others are cancelled then. Being cancelled is not enough: a cancellation that meets a
command of redis-py halfway can vanish. So each task also looks whether the term is over before it goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeAlias

from switchboard.exceptions import InboxLost
from switchboard.interface.heart import AWAY_PAUSE
from switchboard.interface.recovery import Doubt, Reaped

__all__ = ["Step", "Term"]

logger = logging.getLogger(__name__)

#: What a task repeats. It waits for something to do, or returns at least once in a while.
Step: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


class Term:
    """``steps``, by the names of the tasks that are to repeat them. It may be run again when it is over."""

    def __init__(self, steps: Mapping[str, Step]) -> None:
        self._steps = steps
        self._over = False

    async def run(self) -> bool:
        """Until it is over; whether this interface seems to have been taken for dead."""
        reaped = self._over = False
        try:
            async with asyncio.TaskGroup() as tasks:
                for name, step in self._steps.items():
                    tasks.create_task(self._repeat(step), name=name)
        except* (InboxLost, Reaped) as lost:
            logger.warning("%s", lost.exceptions[0])
            reaped = True
        except* Doubt as doubt:
            logger.warning("%s", doubt.exceptions[0])
        except* Exception:
            logger.exception("the hub failed, and recovers")
            await asyncio.sleep(AWAY_PAUSE)  # it may fail again
        return reaped

    def end(self) -> None:
        """The steps under way are the last ones."""
        self._over = True

    async def _repeat(self, step: Step) -> None:
        try:
            while not self._over:
                await step()
        finally:
            self._over = True
