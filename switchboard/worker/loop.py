"""The worker's loop: take messages, hand each to the dispatcher, and stop without dropping one.

Two readers, one for HTTP requests and one for everything else, so that a slow page never holds up the sockets. A
reader asks for as many messages as it has threads free and no more: what waits on the channel is there for every
worker, what waits here only for this one.

The nesting of the two task groups is the order of the end: the readers stop taking and what they began finishes;
only then do the side tasks end, since until then they keep hold of what is being finished. A side task that fails
ends the worker: a worker that cannot renew is worse than none.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import close_old_connections

from switchboard.backoff import Backoff
from switchboard.conf import get_settings
from switchboard.exceptions import LayerUnavailable
from switchboard.layers.base import Delivery, Layer
from switchboard.names import HTTP_REQUEST, new_worker
from switchboard.routing import Router
from switchboard.worker.delivery import Holdings, Patience
from switchboard.worker.dispatch import Dispatcher, InThread

logger = logging.getLogger("switchboard.worker")

#: Seconds a receive waits before it looks whether to stop: the longest that a stop of an idle worker takes.
RECEIVE_WAIT = 1.0
#: Messages a worker runs at once, unless told otherwise; and requests, besides.
DEFAULT_THREADS = 4


class Worker:
    """Consumes ``channels`` of ``layer`` with up to ``threads`` messages, and as many requests, at a time."""

    def __init__(
        self,
        layer: Layer,
        router: Router,
        *,
        channels: Collection[str] | None = None,
        threads: int = DEFAULT_THREADS,
    ) -> None:
        self.name = new_worker()
        self.channels = sorted(router.channel_names() if channels is None else channels)
        self._layer = layer
        self._router = router
        self._threads = threads
        self._holdings = Holdings(layer, self.name)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set and what was taken is finished.

        Cancelling ends at once and leaves what was taken to other workers.
        """
        drained = asyncio.Event()
        async with asyncio.TaskGroup() as side:
            side.create_task(self._beat_until(drained), name="beat")
            async with asyncio.TaskGroup() as work:
                for reading in self._readings(work):
                    work.create_task(self._read(reading, stop), name=f"read {reading.channels}")
                    work.create_task(self._take_over(reading, stop), name=f"take over {reading.channels}")
            drained.set()
        await self._leave()

    def _readings(self, work: asyncio.TaskGroup) -> Iterator[_Reading]:
        messages = [name for name in self.channels if name != HTTP_REQUEST]
        requests = [name for name in self.channels if name == HTTP_REQUEST]
        for channels, kind in ((messages, "consumer"), (requests, "view")):
            if channels:
                # Not a context manager: at a failure its end would wait on threads that wait on this loop.
                pool = ThreadPoolExecutor(self._threads, kind)
                dispatcher = Dispatcher(self._layer, self._router, self.name, _threads_of(pool))
                yield _Reading(work, dispatcher, channels, self._threads)

    async def _read(self, reading: _Reading, stop: asyncio.Event) -> None:
        backoff = Backoff()
        while not stop.is_set():
            free = await reading.free()
            try:
                taken = await self._layer.take(self.name, reading.channels, count=free, wait=RECEIVE_WAIT)
            except LayerUnavailable as error:
                logger.warning("cannot receive: %s", error)
                await backoff.wait()
                continue
            backoff.reset()
            for delivery in taken:
                self._begin(reading, delivery)

    async def _take_over(self, reading: _Reading, stop: asyncio.Event) -> None:
        lease, patience = get_settings().WORKER_LEASE, Patience(get_settings().WORKER_LEASE)
        while not await _within(stop, lease / 8):
            try:
                seen = await self._layer.pending(reading.channels, idle=lease / 3)
                for pending in patience.look(seen, time.monotonic()):
                    delivery = await self._layer.take_over(self.name, pending)
                    if delivery is not None:
                        logger.warning("took over %s from %s", delivery.envelope.id, pending.owner)
                        self._begin(reading, delivery)
            except LayerUnavailable:
                patience.forget()

    def _begin(self, reading: _Reading, delivery: Delivery) -> None:
        logger.debug("%s %s", delivery.channel, delivery.envelope.id)
        self._holdings.add(delivery)
        reading.start(delivery).add_done_callback(lambda _: self._holdings.remove(delivery))

    async def _beat_until(self, drained: asyncio.Event) -> None:
        # Ended by an event, as all tasks here: a cancellation that meets a command of redis-py halfway can vanish.
        while not await _within(drained, get_settings().WORKER_LEASE / 4):
            try:
                await self._holdings.renew()
                await self._layer.beat_worker(self.name)
            except LayerUnavailable as error:
                logger.warning("cannot renew: %s", error)

    async def _leave(self) -> None:
        try:
            await self._layer.retire(self.name, self.channels)
        except LayerUnavailable as error:
            logger.warning("left without saying so: %s", error)
        await self._layer.close()


class _Reading:
    """What one reader has running."""

    def __init__(self, tasks: asyncio.TaskGroup, dispatcher: Dispatcher, channels: list[str], threads: int) -> None:
        self.channels = channels
        self._tasks = tasks
        self._dispatcher = dispatcher
        self._threads = threads
        self._running: set[asyncio.Task[None]] = set()

    def start(self, delivery: Delivery) -> asyncio.Task[None]:
        task = self._tasks.create_task(self._dispatcher.handle(delivery), name=delivery.envelope.id)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def free(self) -> int:
        """How many more may be taken; waits until that is one at least."""
        while len(self._running) >= self._threads:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        return self._threads - len(self._running)


def _threads_of(pool: ThreadPoolExecutor) -> InThread:
    async def in_thread(function: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(pool, _with_fresh_connections, function)

    return in_thread


def _with_fresh_connections(function: Callable[[], Any]) -> Any:
    """Django ends a request by closing connections that are over their age or broken; a message ends likewise."""
    close_old_connections()
    try:
        return function()
    finally:
        close_old_connections()


async def _within(event: asyncio.Event, seconds: float) -> bool:
    """Whether ``event`` is set, now or within ``seconds``."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
