"""The worker's loop: take messages, hand each to the dispatcher, and stop without dropping one.

For each shard of the layer there is a reader for HTTP requests, one for each channel whose messages are handled in
batches, and one for everything else, so that a slow page never holds up the sockets, nor one kind of batch another.

The nesting of the two task groups is the order of the end: the readers stop taking and what they began finishes; only
then do the side tasks end, since until then they keep hold of what is being finished. All of them end by an event. A
side task that fails ends the worker: a worker that cannot renew is worse than none. So does a consumer that does not
return: its thread cannot be stopped, only the process can.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Awaitable, Callable, Collection, Iterator
from typing import Any, TypeVar

from django.db import close_old_connections

from switchboard.conf import get_settings
from switchboard.events import Envelope
from switchboard.exceptions import ChannelFull, LayerUnavailable, UnfitServer
from switchboard.layers.base import Layer
from switchboard.layers.tips import TOLD_FOR
from switchboard.names import HTTP_REQUEST, RECONCILE, new_worker
from switchboard.outages import Outage
from switchboard.responses import finish_responses
from switchboard.routing import Router
from switchboard.tasks import TaskGroup
from switchboard.waiting import within
from switchboard.worker.committer import Committer
from switchboard.worker.delivery import Holdings
from switchboard.worker.dispatch import Dispatcher
from switchboard.worker.reading import OneByOne, Reading, Together
from switchboard.worker.reaper import Reaper
from switchboard.worker.runner import Overdue, Runner
from switchboard.worker.solitude import Solitude
from switchboard.worker.threads import ThreadPool

logger = logging.getLogger("switchboard.worker")

AnyReading = TypeVar("AnyReading", bound=Reading)

#: Messages a worker runs at once, unless told otherwise; and requests, and batches, besides.
DEFAULT_THREADS = 4


class Worker:
    """Consumes ``channels`` of ``layer`` with up to ``threads`` messages, and as many requests, at a time.

    ``time_limits``: whether a consumer or a view that takes too long ends it; not where it may stand at a breakpoint.
    """

    def __init__(
        self,
        layer: Layer,
        router: Router,
        *,
        channels: Collection[str] | None = None,
        threads: int = DEFAULT_THREADS,
        time_limits: bool = True,
    ) -> None:
        self.name = new_worker()
        self.channels = sorted(router.channel_names() if channels is None else channels)
        self._layer = layer
        self._router = router
        self._threads = threads
        self._time_limits = time_limits
        self._overdue: Overdue | None = None

    async def verify(self) -> None:
        """Ask the layer's servers whether they will do, before anything begins; one that is away may come.

        Raises:
            UnfitServer: the layer cannot work on one of them.
        """
        try:
            await self._layer.verify()
        except UnfitServer:
            raise
        except LayerUnavailable as error:
            logger.warning("the layer is away: %s", error)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set and what was taken is finished.

        Cancelling ends at once and leaves what was taken to other workers.

        Raises:
            Overdue: a consumer did not return; everything else was finished. Its thread may be running still.
        """
        drained = asyncio.Event()
        async with TaskGroup() as side:
            if RECONCILE in self.channels:
                seconds = get_settings().INTERFACE_LEASE / 3
                side.create_task(_repeat(self._ask_to_reconcile, seconds, drained), name="reconcile")
            side.create_task(_repeat(self._tell_tips, get_settings().TIP_INTERVAL, drained), name="tips")
            async with TaskGroup() as work:
                for shard in self._layer.shards:
                    self._work_on(shard, work, side, stop, drained)
            # While the worker beats: an interface cuts off the responses of one that doesn't.
            await finish_responses(self._layer, get_settings().HTTP_DRAIN_TIMEOUT)
            drained.set()
        await self._leave()
        if self._overdue is not None:
            raise self._overdue

    async def _tell_tips(self) -> None:
        tips = self._layer.tips
        tips.begin_round(TOLD_FOR * get_settings().TIP_INTERVAL)
        while some := tips.next_slice():
            await self._layer.publish(some)
            tips.told(some)

    async def _ask_to_reconcile(self) -> None:
        """Have the application look for sockets that nobody will report, once that can be told; see `reconciling`."""
        known = await self._layer.known_interfaces(watched=get_settings().INTERFACE_LEASE)
        if known is None or await self._layer.depth(RECONCILE):
            return
        with contextlib.suppress(ChannelFull):  # another worker asked
            await self._layer.publish([Envelope(RECONCILE, uuid.uuid4().hex, {})])

    def _work_on(
        self,
        shard: Layer,
        work: asyncio.TaskGroup,
        side: asyncio.TaskGroup,
        stop: asyncio.Event,
        drained: asyncio.Event,
    ) -> None:
        settings = get_settings()
        lease, holdings = settings.WORKER_LEASE, Holdings(shard, self.name)
        reaper = Reaper(shard, self.name, self.channels, settings.INTERFACE_LEASE)

        async def beat() -> None:
            await holdings.renew()
            await shard.beat_worker(self.name)

        side.create_task(_repeat(beat, lease / 4, drained), name="beat")
        side.create_task(_repeat(reaper.look, reaper.interval, drained), name="reaper")
        for reading in self._readings(shard, work, holdings, stop):
            work.create_task(reading.read(stop), name=f"read {reading.channels}")
            work.create_task(reading.take_over(stop, lease), name=f"take over {reading.channels}")

    def _readings(
        self, shard: Layer, work: asyncio.TaskGroup, holdings: Holdings, stop: asyncio.Event
    ) -> Iterator[Reading]:
        def overdue(error: Overdue) -> None:
            self._overdue = error
            stop.set()

        solitude, committer = Solitude(), Committer(shard, self.name)

        def reading(kind: type[AnyReading], channels: Collection[str], thread: str, **options: int) -> AnyReading:
            # A response that takes long leaves its view's thread.
            detachable = get_settings().HTTP_STREAM_THREADS if HTTP_REQUEST in channels else 0
            threads = ThreadPool(self._threads, thread, _with_fresh_connections, detachable=detachable)
            runner = Runner(self._layer, self._router, threads, time_limits=self._time_limits)
            dispatcher = Dispatcher(
                shard, runner, self.name, committer, solitude, requests=self._threads, stopping=stop.is_set
            )
            return kind(shard, self.name, channels, work, dispatcher, holdings, overdue, **options)

        batched = self._router.batched()
        alone = [name for name in self.channels if name not in batched and name != HTTP_REQUEST]
        for name in self.channels:
            if name == HTTP_REQUEST:
                yield reading(OneByOne, [name], "view", threads=self._threads)
            elif name in batched:
                yield reading(Together, [name], "batch", most=batched[name])
        if alone:
            yield reading(OneByOne, alone, "consumer", threads=self._threads)

    async def _leave(self) -> None:
        for shard in self._layer.shards:
            try:
                await shard.retire(self.name, self.channels)
            except LayerUnavailable as error:
                logger.warning("left without saying so: %s", error)
        await self._layer.close()


async def _repeat(step: Callable[[], Awaitable[None]], seconds: float, end: asyncio.Event) -> None:
    """``step`` each so many ``seconds``, until ``end``."""
    outage = Outage(logger, "the layer is away")
    while not await within(end, seconds):
        try:
            await step()
        except LayerUnavailable as error:
            outage.lasts(error)
        else:
            outage.over()


def _with_fresh_connections(function: Callable[[], Any]) -> Any:
    """Django ends a request by closing connections that are over their age or broken; a message ends likewise."""
    close_old_connections()
    try:
        return function()
    finally:
        close_old_connections()
