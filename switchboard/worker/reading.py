"""Taking messages of some channels, as many as there are threads for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from switchboard.backoff import Backoff
from switchboard.exceptions import LayerUnavailable
from switchboard.layers.base import Delivery, Layer
from switchboard.waiting import within
from switchboard.worker.delivery import Holdings
from switchboard.worker.dispatch import Dispatcher
from switchboard.worker.runner import Overdue
from switchboard.worker.takeover import Takeover

logger = logging.getLogger("switchboard.worker")

#: Seconds a `Layer.take` waits before its reader looks whether to stop: the longest that stopping an idle worker takes.
TAKE_WAIT = 1.0


@dataclass
class Reading:
    """What is taken from ``channels`` runs as tasks of ``tasks``, up to ``threads`` at once.

    ``overdue`` is told of a consumer that does not return; its message is let go of.
    """

    layer: Layer
    worker: str
    channels: Collection[str]
    threads: int
    tasks: asyncio.TaskGroup
    dispatcher: Dispatcher
    holdings: Holdings
    overdue: Callable[[Overdue], None]
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    async def read(self, stop: asyncio.Event) -> None:
        """Take messages until ``stop``."""
        backoff = Backoff()
        while not stop.is_set():
            free = await self._free()
            try:
                taken = await self.layer.take(self.worker, self.channels, count=free, wait=TAKE_WAIT)
            except LayerUnavailable as error:
                logger.warning("cannot take messages: %s", error)
                await backoff.wait()
                continue
            backoff.reset()
            for delivery in taken:
                self._begin(delivery)

    async def take_over(self, stop: asyncio.Event, lease: float) -> None:
        """Take over what dead workers held, until ``stop``."""
        takeover = Takeover(self.layer, self.worker, self.channels, lease)
        while not await within(stop, takeover.interval):
            for delivery in await takeover.look():
                self._begin(delivery)

    async def _free(self) -> int:
        """How many more may be taken; waits until that is one at least."""
        while len(self._running) >= self.threads:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        return self.threads - len(self._running)

    def _begin(self, delivery: Delivery) -> None:
        logger.debug("%s %s", delivery.channel, delivery.envelope.id)
        self.holdings.add(delivery)
        task = self.tasks.create_task(self._handle(delivery), name=delivery.envelope.id)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _handle(self, delivery: Delivery) -> None:
        try:
            await self.dispatcher.handle(delivery)
        except Overdue as error:
            logger.critical("%s; this worker finishes what else it has, and ends", error)
            self.overdue(error)
        finally:
            self.holdings.remove(delivery)
