"""What runs while nothing is in doubt: tasks that repeat their steps, until one of them ends for all.

It ends when a task has a `Doubt` whether the layer still holds what it held, or fails, which is a bug and logged as
one, or when it is told to. The others are cancelled then. Being cancelled is not enough: a cancellation that meets a
command of redis-py halfway can vanish. So each task also looks whether the term is over before it goes on.

A task that fails once is recovered from, so that a rare fault costs nobody their socket. Tasks that fail again and
again have a cause that recovery does not remove, a command that Redis forbids for example: that ends the interface.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, TypeAlias

from switchboard.exceptions import InboxLost
from switchboard.interface.heart import AWAY_PAUSE
from switchboard.interface.recovery import Doubt, Reaped
from switchboard.tasks import TaskGroup

__all__ = ["Step", "TasksFailed", "Term"]

logger = logging.getLogger(__name__)

#: So many failures of tasks within so many seconds end the interface server, instead of one more recovery.
MAX_FAILURES: Final = 5
FAILURE_PERIOD: Final = 60.0

#: What a task repeats. It waits for something to do, or returns at least once in a while.
Step: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


class TasksFailed(Exception):
    """Tasks failed so often that recovering again is pointless."""


class Term:
    """``steps``, by the names of the tasks that are to repeat them. It may be run again when it is over."""

    def __init__(self, steps: Mapping[str, Step]) -> None:
        self._steps = steps
        self._over = False
        self._failures: deque[float] = deque(maxlen=MAX_FAILURES)

    async def run(self) -> bool:
        """Until it is over; whether this interface seems to have been taken for dead.

        Raises:
            TasksFailed: a task failed, and tasks failed `MAX_FAILURES` times within `FAILURE_PERIOD`.
        """
        reaped = self._over = False
        failure: Exception | None = None
        try:
            async with TaskGroup() as tasks:
                for name, step in self._steps.items():
                    tasks.create_task(self._repeat(name, step), name=name)
        except* (InboxLost, Reaped) as lost:
            logger.warning("%s", lost.exceptions[0])
            reaped = True
        except* Doubt as doubt:
            logger.warning("%s", doubt.exceptions[0])
        except* Exception as failed:
            failure = failed.exceptions[0]
        if failure is not None:
            self._count(failure)
            await asyncio.sleep(AWAY_PAUSE)  # it may fail again
        return reaped

    def end(self) -> None:
        """The steps under way are the last ones."""
        self._over = True

    async def _repeat(self, name: str, step: Step) -> None:
        try:
            while not self._over:
                await step()
        except (Doubt, InboxLost):
            raise
        except Exception:
            logger.exception("task %s failed; the interface recovers", name)
            raise
        finally:
            self._over = True

    def _count(self, failure: Exception) -> None:
        now = asyncio.get_running_loop().time()
        self._failures.append(now)
        if len(self._failures) == MAX_FAILURES and now - self._failures[0] < FAILURE_PERIOD:
            where = ", ".join(failure.__notes__)
            raise TasksFailed(f"{MAX_FAILURES} failures within {FAILURE_PERIOD:g} s, the last one {where}") from failure
