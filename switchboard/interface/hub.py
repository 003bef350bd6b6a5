"""The middle of an interface process: what runs in it, for how long, and where what it hears goes.

The hub begins with the first connection, on the loop that runs then: Daphne has no lifespan. It opens an inbox under a
name of its own; from then on these tasks run:

* the **reader** takes the inbox's entries to sockets, groups and requests, all in one go and in order;
* the **heart** shows that the interface lives, and learns whether the layer's data are still the same;
* the **enqueuers** put the sockets' messages on their channels;
* the **leaver** takes the interface out of groups in which nobody is left;
* the **repairer** asks for what the numbered groups lack;
* the **watch** looks after the workers that run our requests.

They run for a *term* (`term`), until there is a doubt whether the layer still holds what it held. Then everything is
brought in order as `recovery` says, and the next term begins; the sockets stay, unless others have taken this interface
for dead meanwhile. A layer that does not answer ends nothing: the tasks try again.

Anything else that fails while the inbox is opened, or fails again and again, is no matter of waiting: Redis forbids a
command, or there is a bug. Without its tasks the process would answer 503 and 1013 for ever. So the hub reports its
failure, and our own server ends the process with status 1 for its supervisor to start another. Nobody ends a process of
stock Daphne, which may serve other applications too: there the hub starts over, after pauses that grow.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from switchboard.conf import Settings
from switchboard.events import Envelope
from switchboard.exceptions import LayerUnavailable
from switchboard.interface.connection import Limits, Opening
from switchboard.interface.enqueuing import CALLS_AT_A_TIME, Enqueuer
from switchboard.interface.exchange import Exchange, Exchanges
from switchboard.interface.groups import Groups
from switchboard.interface.heart import AWAY_PAUSE, Heart
from switchboard.interface.inbox import Inbox
from switchboard.interface.leaver import Leaver
from switchboard.interface.moving import STOP_REST, batch_of, move
from switchboard.interface.reader import Reader
from switchboard.interface.recovery import bring_back
from switchboard.interface.repairer import Repairer
from switchboard.interface.sockets import Sockets
from switchboard.interface.term import Term
from switchboard.interface.wire import Listener, Wire
from switchboard.interface.workers import Watch
from switchboard.layers.base import Enqueued, Layer, Receipt
from switchboard.names import new_reply_channel
from switchboard.outages import Outage
from switchboard.waiting import within

logger = logging.getLogger(__name__)

#: Calls to the layer at a time for requests: each has a connection to Redis of its own, which stays open. A burst of
#: requests is not to take the descriptors of everybody else for good.
MAX_CONCURRENT_CALLS: Final = 16

#: Seconds before the hub starts over by itself after a failure. The pause doubles with each further one, up to a bound,
#: and is short again once the hub ran for longer than the bound.
RESTART_PAUSE: Final = 1.0
MAX_RESTART_PAUSE: Final = 60.0


class Hub:
    """One for each process. `start` begins it, `stop` ends it; all methods are for one event loop.

    ``failed`` is called when the hub has failed and does nothing any more. Without it the hub starts over by itself.
    """

    def __init__(self, layer: Layer, settings: Settings, failed: Callable[[], None] | None = None) -> None:
        self.layer = layer
        self.stopping = False
        self._failed = failed
        self._stopped = False
        self._inbox = Inbox(layer)
        stirred = asyncio.Event()
        self._groups = Groups(stirred=stirred.set)
        self._exchanges = Exchanges()
        self._calls = asyncio.Semaphore(MAX_CONCURRENT_CALLS)
        self._enqueuer = Enqueuer(layer, self._enqueued)
        limits = Limits(
            connect_timeout=settings.CONNECT_TIMEOUT,
            buffer_bytes=settings.SOCKET_BUFFER_BYTES,
            closed_bytes=settings.CLOSED_SOCKETS_BYTES,
        )
        self._sockets = Sockets(limits, enqueue=self._enqueuer.put, gone=self._leave_groups)
        self._heart = Heart(
            layer,
            self._inbox,
            self._sockets,
            interval=settings.INTERFACE_BEAT,
            lease=settings.INTERFACE_LEASE,
        )
        self._leaver = Leaver(layer, self._inbox, self._groups)
        reader = Reader(
            self._inbox,
            self._heart,
            sockets=self._sockets,
            groups=self._groups,
            leaver=self._leaver,
            exchanges=self._exchanges,
            report_gone=self.report_gone,
        )
        repairer = Repairer(layer, self._sockets, self._groups, stirred=stirred, new_channel=self._new_channel)
        watch = Watch(
            layer, lease=settings.WORKER_LEASE, running=self._exchanges.workers, lost=self._exchanges.worker_lost
        )
        self._term = Term(
            {
                "reader": reader.step,
                "heart": self._heart.step,
                "leaver": self._leaver.step,
                "repairer": repairer.step,
                "watch": watch.look,
                **{f"enqueuer {number}": self._enqueuer.enqueue_next for number in range(CALLS_AT_A_TIME)},
            }
        )
        self._open = asyncio.Event()
        self._main: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._errands: set[asyncio.Task[None]] = set()

    # -- for the application

    def start(self) -> None:
        """Begin the first term, in the background."""
        self._main = asyncio.create_task(self._run(), name="hub")

    async def ready(self, timeout: float) -> bool:
        """Whether the inbox is open, or will be within ``timeout`` seconds."""
        if self.stopping:
            return False
        return await within(self._open, timeout)

    def open_socket(self, opening: Opening, wire: Wire) -> Listener:
        """Take a handshake; what the client does is told to the one that is returned."""
        return self._sockets.open(self._new_channel(), opening, wire)

    def open_exchange(self) -> Exchange:
        """Expect the answer to a request."""
        return self._exchanges.open(self._new_channel())

    def close_exchange(self, exchange: Exchange) -> None:
        """Expect nothing any more."""
        self._exchanges.close(exchange)

    async def request(self, envelope: Envelope, *, timeout: float) -> bool:
        """Put a request on its channel: see `Layer.request`."""
        async with self._calls:
            return await self.layer.request(envelope, timeout=timeout)

    async def report_written(self, channel: str, total: int) -> None:
        """Tell the worker what was written; while the layer does not answer, try again."""
        while True:
            try:
                async with self._calls:
                    return await self.layer.report_written(channel, total)
            except LayerUnavailable:
                await asyncio.sleep(AWAY_PAUSE)

    def report_gone(self, channel: str) -> None:
        """Tell the worker, in the background, that nobody wants the rest of its answer."""
        self._errand(self.report_written(channel, -1), f"report of {channel}")

    # -- terms

    async def _run(self) -> None:
        pause = RESTART_PAUSE
        while not self._stopped:
            began = _now()
            try:
                await self._serve()
            except Exception:
                self._open.clear()
                if self._failed is not None:
                    logger.critical("task hub failed; the interface %s ends", self._inbox.name, exc_info=True)
                    self._failed()
                    return
                if _now() - began > MAX_RESTART_PAUSE:
                    pause = RESTART_PAUSE
                logger.critical("task hub failed; it starts over in %g s", pause, exc_info=True)
                if self._inbox.run_id:  # it was open
                    self._let_go()
                await asyncio.sleep(pause)
                pause = min(2 * pause, MAX_RESTART_PAUSE)

    async def _serve(self) -> None:
        """Open the inbox, and run one term after another until the end. Raises what waiting does not help against."""
        await self._open_inbox()
        while not self._stopped:
            reaped = await self._term.run()
            if not self._stopped:
                await self._recover(reaped=reaped)

    async def _open_inbox(self) -> None:
        outage = Outage(logger, "no inbox yet")
        while not self._stopped:
            try:
                self._begin(await self._inbox.open(), data_lost=False)
                return
            except LayerUnavailable as error:
                outage.lasts(error)
                await asyncio.sleep(AWAY_PAUSE)

    def _begin(self, run_id: str, *, data_lost: bool) -> None:
        self._inbox.opened(run_id)
        self._heart.begin(old_data=data_lost)
        self._open.set()
        logger.info("listening on inbox %s", self._inbox.name)

    async def _recover(self, *, reaped: bool) -> None:
        """Bring everything in order again: see `recovery`. Nothing else runs meanwhile."""
        self._open.clear()
        recovered, outage = False, Outage(logger, "no recovery yet")
        while not (recovered or self._stopped):
            try:
                recovered = await self._try_to_recover(reaped=reaped)
            except LayerUnavailable as error:
                outage.lasts(error)
                await asyncio.sleep(AWAY_PAUSE)
            except Exception:
                logger.exception("the recovery failed")
                recovered = await self._start_over()

    async def _try_to_recover(self, *, reaped: bool) -> bool:
        run_id = await self._inbox.open()
        data_lost = run_id != self._inbox.run_id
        if reaped and not data_lost:
            return await self._start_over()
        await bring_back(self.layer, self._inbox.name, self._groups, self._sockets, data_lost=data_lost)
        self._begin(run_id, data_lost=data_lost)
        self._exchanges.inbox_lost()
        self._enqueuer.forget()
        self._sockets.recovered(data_lost=data_lost)
        self._groups.doubt(_now())
        self._sockets.tell("resync")
        logger.warning("recovered with %d sockets; data lost: %s", len(self._sockets), data_lost)
        return True

    async def _start_over(self) -> bool:
        """Close all sockets, drop all groups, take a new name."""
        self._let_go()
        await asyncio.sleep(AWAY_PAUSE)
        await self._open_inbox()
        return True

    def _let_go(self) -> None:
        logger.error("all sockets of %s are closed, the interface starts over", self._inbox.name)
        old = self._inbox.name
        self._inbox.rename()
        self._open.clear()
        self._enqueuer.forget()
        self._sockets.abandon()
        self._exchanges.inbox_lost()
        self._groups.clear()
        self._leaver.forget()
        self._errand(self._close_inbox(old), f"close {old}")

    def stop(self, *, paced: bool = True) -> asyncio.Future[None]:
        """Close all sockets with 1012, from now on; the future is done once the rest is: after about two seconds, and
        with very many sockets after two more, over which they are spread if ``paced``.

        What waits is handed over and each disconnect is queued after it; requests may be answered. What has not been
        acknowledged by then is left behind, with the disconnect. Stopping again changes nothing.
        """
        if self._ending is None:
            self.stopping = True
            batch = batch_of(len(self._sockets)) if paced else None
            self._sockets.leave(batch)
            self._ending = asyncio.create_task(self._end(batch), name="hub's end")
        return asyncio.shield(self._ending)

    async def _end(self, batch: int | None) -> None:
        await move(self._sockets, self._exchanges, batch)
        await self._end_tasks()
        try:
            async with asyncio.timeout(STOP_REST):
                await self._close_inbox(self._inbox.name)
                await self.layer.close()
        except TimeoutError:
            logger.warning("the inbox %s stays behind: the layer did not answer", self._inbox.name)

    async def _end_tasks(self) -> None:
        self._stopped = True
        self._term.end()
        tasks = [*self._errands] if self._main is None else [self._main, *self._errands]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_REST)

    async def _close_inbox(self, name: str) -> None:
        try:
            await self.layer.close_inbox(name)
        except Exception as error:
            # Its lease ends without us as well.
            logger.warning("the inbox %s stays behind: %s", name, error)

    # -- what the parts tell each other

    def _enqueued(self, envelope: Envelope, receipt: Receipt | None) -> None:
        self._sockets.enqueued(envelope, receipt)
        assert envelope.socket is not None and envelope.order is not None
        if receipt is not None and receipt.outcome is Enqueued.DONE:
            self._heart.done(envelope.socket, envelope.order, receipt.session)
        elif receipt is not None and receipt.outcome is Enqueued.UNKNOWN:
            self._heart.unknown(envelope.socket)

    def _leave_groups(self, channel: str) -> None:
        for group in self._groups.leave_all(channel, _now()):
            self._leaver.look(group)

    def _new_channel(self) -> str:
        return new_reply_channel(self._inbox.name)

    def _errand(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._errands.add(task)
        task.add_done_callback(self._errand_done)

    def _errand_done(self, task: asyncio.Task[None]) -> None:
        self._errands.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("task %s failed", task.get_name(), exc_info=error)


def _now() -> float:
    return asyncio.get_running_loop().time()
