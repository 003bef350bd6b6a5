"""Taking messages of some channels, as many as can be worked on now.

A reader asks for no more than that: what waits on the channel is there for every worker, what waits here only for this
one. Messages that each run by themselves are taken as there are threads for them. Where consumers take a `batch`, the
next one is taken when the last has run, while its commits are still on their way; meanwhile the channel collects what
the next one will be.
"""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from switchboard.backoff import Backoff
from switchboard.exceptions import LayerUnavailable
from switchboard.layers.base import Delivery, Layer
from switchboard.outages import Outage
from switchboard.waiting import within
from switchboard.worker.delivery import Holdings
from switchboard.worker.dispatch import Dispatcher
from switchboard.worker.pace import Pace
from switchboard.worker.round_robin import RoundRobin
from switchboard.worker.runner import Overdue
from switchboard.worker.takeover import Takeover

logger = logging.getLogger("switchboard.worker")

#: Seconds a `Layer.take` waits before its reader looks whether to stop: the longest that stopping an idle worker takes.
TAKE_WAIT: Final = 1.0
#: Batches that may have run and wait for their commits.
MOST_UNCOMMITTED: Final = 2


@dataclass
class Reading(ABC):
    """What is taken from ``channels`` runs as tasks of ``tasks``.

    ``overdue`` is told of a consumer that does not return; its message is let go of.
    """

    layer: Layer
    worker: str
    channels: Collection[str]
    tasks: asyncio.TaskGroup
    dispatcher: Dispatcher
    holdings: Holdings
    overdue: Callable[[Overdue], None]
    _running: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    async def read(self, stop: asyncio.Event) -> None:
        """Take messages until ``stop``."""
        backoff, outage = Backoff(), Outage(logger, f"cannot take messages of {', '.join(self.channels)}")
        fetching = RoundRobin(self.layer, self.worker, self.channels)
        while not stop.is_set():
            free = await self._free()
            try:
                taken = await fetching.fetch(free, wait=TAKE_WAIT)
            except LayerUnavailable as error:
                outage.lasts(error)
                await backoff.wait()
                continue
            outage.over()
            backoff.reset()
            if taken:
                self._take(taken)

    async def take_over(self, stop: asyncio.Event, lease: float) -> None:
        """Take over what dead workers held, until ``stop``. Each of them runs by itself."""
        takeover = Takeover(self.layer, self.worker, self.channels, lease)
        while not await within(stop, takeover.interval):
            for delivery in await takeover.look():
                self._begin([delivery], self.dispatcher.handle(delivery))

    @abstractmethod
    async def _free(self) -> int:
        """How many more may be taken, of all channels together; waits until that is one at least."""

    @abstractmethod
    def _take(self, taken: Sequence[Delivery]) -> None:
        """Begin with what was taken."""

    def _begin(self, deliveries: Sequence[Delivery], handling: Awaitable[None]) -> None:
        for delivery in deliveries:
            logger.debug("%s %s", delivery.channel, delivery.envelope.id)
            self.holdings.add(delivery)
        task = self.tasks.create_task(self._hold(deliveries, handling), name=deliveries[0].envelope.id)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _hold(self, deliveries: Sequence[Delivery], handling: Awaitable[None]) -> None:
        try:
            await handling
        except Overdue as error:
            where = None if error.position is None else (Overdue, error, error.position)
            logger.critical("%s; this worker finishes what else it has, and ends", error, exc_info=where)
            self.overdue(error)
        finally:
            for delivery in deliveries:
                self.holdings.remove(delivery)

    async def _fewer_than(self, most: int) -> None:
        while len(self._running) >= most:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)


@dataclass
class OneByOne(Reading):
    """Each message runs by itself, up to ``threads`` at once."""

    threads: int = field(kw_only=True)

    async def _free(self) -> int:
        await self._fewer_than(self.threads)
        return self.threads - len(self._running)

    def _take(self, taken: Sequence[Delivery]) -> None:
        for delivery in taken:
            self._begin([delivery], self.dispatcher.handle(delivery))


@dataclass
class Together(Reading):
    """What was there is a batch of up to ``most``; one runs at a time."""

    most: int = field(kw_only=True)

    def __post_init__(self) -> None:
        self._pace = Pace(self.most)
        self._ran = asyncio.Event()
        self._ran.set()

    async def _free(self) -> int:
        await self._ran.wait()
        await self._fewer_than(MOST_UNCOMMITTED)
        return self._pace.size

    def _take(self, taken: Sequence[Delivery]) -> None:
        self._ran.clear()
        self._begin(taken, self._handle(taken, time.monotonic()))

    async def _handle(self, taken: Sequence[Delivery], begun: float) -> None:
        has_run = False

        def ran() -> None:
            nonlocal has_run
            has_run = True
            self._pace.took(time.monotonic() - begun, len(taken))
            self._ran.set()

        try:
            await self.dispatcher.handle_together(taken, ran)
        finally:
            # Not when it was committed: another one runs by then.
            if not has_run:
                self._ran.set()
