"""The heart of an interface process: its inbox, its heartbeat, its groups.

The hub begins with the first connection, on the loop that runs then: Daphne has no lifespan. It lives in *terms*. At
the beginning of a term it opens an inbox under a name of its own; from then on these tasks run:

* the **reader** takes the inbox's entries, whose numbers must follow each other without a hole, to sockets, groups and
  requests, all in one go and in order;
* the **heart** shows that the interface lives, and learns whether the layer's data are still the same;
* the **enqueuers** put the sockets' messages on their channels;
* the **leaver** takes the interface out of groups in which nobody is left;
* the **watch** looks after the workers that run our requests.

A term ends when the inbox is not what it was (`InboxLost`), or when one of the tasks fails, which is a bug and logged
as one. Then `restart` closes all sockets with 1012, and the next term begins under a new name. A layer that does not
answer ends nothing: the tasks try again, and the sockets stay.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from switchboard.conf import Settings
from switchboard.events import (
    Ack,
    Claimed,
    Content,
    Envelope,
    GroupMessage,
    InboxEntry,
    InboxEvent,
    Join,
    Leave,
    Reply,
)
from switchboard.exceptions import InboxLost, LayerUnavailable
from switchboard.interface.answers import Answer, read_answer
from switchboard.interface.connection import Limits, Opening
from switchboard.interface.enqueuing import CALLS_AT_A_TIME, Enqueuer
from switchboard.interface.exchange import Exchange, Exchanges
from switchboard.interface.members import Members
from switchboard.interface.sockets import Sockets
from switchboard.interface.wire import Wire
from switchboard.interface.workers import Watch
from switchboard.layers.base import Beat, Enqueued, Layer
from switchboard.names import new_interface, new_reply_channel

logger = logging.getLogger(__name__)

#: Seconds that one read of the inbox waits for an entry.
READ_WAIT: Final = 2.0
#: Seconds between two tries while the layer does not answer.
AWAY_PAUSE: Final = 0.5
#: Seconds between two tries to leave a group that is about to be joined again.
LEAVE_PAUSE: Final = 0.2
#: Seconds that the end may take for what waits, and for the disconnects, before the process ends without them.
STOP_PATIENCE: Final = 1.5
STOP_REST: Final = 0.5


class Hub:
    """One for each process. `start` begins it, `stop` ends it; all methods are for one event loop."""

    def __init__(self, layer: Layer, settings: Settings) -> None:
        self.layer = layer
        self.name = new_interface()
        self.stopping = False
        self._stopped = False
        self._settings = settings
        self._members = Members()
        self._exchanges = Exchanges()
        self._enqueuer = Enqueuer(layer, self._enqueued)
        limits = Limits(connect_timeout=settings.CONNECT_TIMEOUT, buffer_bytes=settings.SOCKET_BUFFER_BYTES)
        self._sockets = Sockets(limits, enqueue=self._enqueuer.put, gone=self._leave_groups)
        self._watch = Watch(
            layer, lease=settings.WORKER_LEASE, running=self._exchanges.workers, lost=self._exchanges.worker_lost
        )
        self._over = False  # the term is
        self._away = False  # the layer did not answer when it was last asked for entries
        self._read = 0
        self._beat = Beat(0, "")
        self._deserted: set[str] = set()
        self._deserted_now = asyncio.Event()
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
        try:
            async with asyncio.timeout(timeout):
                await self._open.wait()
        except TimeoutError:
            return False
        return True

    def open_socket(self, opening: Opening, wire: Wire) -> str:
        """Take a handshake; returns the socket's reply channel."""
        channel = new_reply_channel(self.name)
        self._sockets.open(channel, opening, wire)
        return channel

    def frame(self, channel: str, data: str | bytes) -> None:
        """A client sent a frame."""
        self._sockets.frame(channel, data)

    def lost(self, channel: str, code: int) -> None:
        """A client is gone. May be said more than once."""
        self._sockets.lost(channel, code)

    def open_exchange(self) -> Exchange:
        """Expect the answer to a request."""
        return self._exchanges.open(new_reply_channel(self.name))

    def close_exchange(self, exchange: Exchange) -> None:
        """Expect nothing any more."""
        self._exchanges.close(exchange)

    async def report_written(self, channel: str, total: int) -> None:
        """Tell the worker what was written; while the layer does not answer, try again."""
        while True:
            try:
                return await self.layer.report_written(channel, total)
            except LayerUnavailable:
                await asyncio.sleep(AWAY_PAUSE)

    def report_gone(self, channel: str) -> None:
        """Tell the worker, in the background, that nobody wants the rest of its answer."""
        self._errand(self.report_written(channel, -1), f"report of {channel}")

    # -- terms

    async def _run(self) -> None:
        while not self._stopped:
            await self._open_inbox()
            try:
                await self._term()
            except* InboxLost as lost:
                logger.error("%s; all sockets are closed, the interface starts over", lost.exceptions[0])
            except* Exception:
                logger.exception("the hub failed; all sockets are closed, the interface starts over")
            await self.restart()

    async def _open_inbox(self) -> None:
        while not self._stopped:
            try:
                self._beat = await self.layer.open_inbox(self.name)
                break
            except LayerUnavailable as error:
                logger.warning("no inbox yet: %s", error)
                await asyncio.sleep(AWAY_PAUSE)
        self._read = self._beat.last
        self._open.set()
        logger.info("listening on inbox %s", self.name)

    async def _term(self) -> None:
        self._over = False
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._repeat(self._read_inbox), name="reader")
            tasks.create_task(self._repeat(self._beat_heart), name="heart")
            tasks.create_task(self._repeat(self._leave_deserted), name="leaver")
            tasks.create_task(self._repeat(self._watch.look), name="watch")
            for number in range(CALLS_AT_A_TIME):
                tasks.create_task(self._repeat(self._enqueuer.enqueue_next), name=f"enqueuer {number}")

    async def _repeat(self, step: Callable[[], Coroutine[Any, Any, None]]) -> None:
        # Being cancelled is not enough: a cancellation that meets a command of redis-py halfway can vanish.
        try:
            while not self._over:
                await step()
        finally:
            self._over = True

    async def restart(self) -> None:
        """Give up what cannot be relied on any more: close all sockets, drop all groups, take a new name.

        A socket that lost nothing could stay open instead; recovering it would take this method's place.
        """
        old, self.name = self.name, new_interface()
        self._open.clear()
        self._enqueuer.forget()
        self._sockets.abandon()
        self._exchanges.inbox_lost()
        self._members = Members()
        self._deserted.clear()
        self._errand(self._close_inbox(old), f"close {old}")
        await asyncio.sleep(AWAY_PAUSE)

    def stop(self) -> asyncio.Future[None]:
        """Close all sockets with 1012, now; the future is done once the rest is, after at most about two seconds.

        What waits is handed over and each disconnect is queued after it; requests may be answered. What has not been
        acknowledged by then is left behind, with the disconnect. Stopping again changes nothing.
        """
        if self._ending is None:
            self.stopping = True
            self._sockets.leave()
            self._ending = asyncio.create_task(self._end(), name="hub's end")
        return asyncio.shield(self._ending)

    async def _end(self) -> None:
        all_gone, _ = await asyncio.gather(
            self._sockets.wait_empty(STOP_PATIENCE), self._exchanges.wait_empty(STOP_PATIENCE)
        )
        if not all_gone:
            self._sockets.abandon()
            if not await self._sockets.wait_empty(STOP_REST):
                logger.error("%d sockets ended without a disconnect: the layer did not answer", len(self._sockets))
        self._sockets.drop()
        await self._end_tasks()
        try:
            async with asyncio.timeout(STOP_REST):
                await self._close_inbox(self.name)
                await self.layer.close()
        except TimeoutError:
            logger.warning("the inbox %s stays behind: the layer did not answer", self.name)

    async def _end_tasks(self) -> None:
        self._stopped = self._over = True
        tasks = [*self._errands] if self._main is None else [self._main, *self._errands]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_REST)

    async def _close_inbox(self, name: str) -> None:
        try:
            await self.layer.close_inbox(name)
        except LayerUnavailable as error:
            logger.warning("the inbox %s stays behind: %s", name, error)

    # -- the reader

    async def _read_inbox(self) -> None:
        promised = self._beat.last
        try:
            entries = await self.layer.read_inbox(self.name, self._read, wait=READ_WAIT)
        except LayerUnavailable as error:
            if not self._away:
                logger.warning("the inbox can't be read: %s", error)
            self._away = True
            await asyncio.sleep(AWAY_PAUSE)
            return
        if self._away:
            logger.info("the inbox can be read again")
            self._away = False
            self._sockets.again()
        if not entries and self._read < promised:
            raise InboxLost(self.name)
        for entry in entries:
            if entry.number != self._read + 1:
                raise InboxLost(self.name)
            self._take(entry)
            self._read = entry.number
        await asyncio.sleep(0)  # a layer that answers without waiting must not starve the others

    def _take(self, entry: InboxEntry) -> None:
        # Asked before anything takes effect: the entry's own acknowledgement changes what is under way.
        counts = entry.socket is None or self._sockets.takes(entry.socket, entry.order)
        for event in entry.events:
            if counts or isinstance(event, GroupMessage) or event.channel != entry.socket:
                self._handle(event)
            elif isinstance(event, Join):
                self._desert(event.group)

    def _handle(self, event: InboxEvent) -> None:
        match event:
            case GroupMessage(group, content):
                self._fan_out(group, content)
            case Reply(channel, content):
                self._reply(channel, content)
            case Ack(channel, order, failed):
                self._sockets.acknowledge(channel, order, failed=failed)
            case Join(channel, group):
                if self._sockets.is_open(channel):
                    self._members.join(group, channel)
                else:
                    self._desert(group)
            case Leave(channel, group):
                self._members.leave(group, channel)
                self._desert(group)
            case Claimed(channel, worker):
                self._exchanges.claimed(channel, worker)

    def _fan_out(self, group: str, content: Content) -> None:
        answer = _read(content, f"group {group}")
        if answer is not None:
            for channel in self._members.of(group):
                self._sockets.answer(channel, answer)

    def _reply(self, channel: str, content: Content) -> None:
        if self._exchanges.reply(channel, content):
            return
        if self._sockets.is_open(channel):
            answer = _read(content, channel)
            if answer is not None:
                self._sockets.answer(channel, answer)
        elif "report" in content:
            self.report_gone(channel)

    # -- the other tasks

    async def _beat_heart(self) -> None:
        await asyncio.sleep(self._settings.INTERFACE_BEAT)
        try:
            beat = await self.layer.beat(self.name, self._read)
        except LayerUnavailable as error:
            logger.warning("no heartbeat: %s", error)
            return
        if beat.run_id != self._beat.run_id or beat.last < self._read:
            raise InboxLost(self.name)
        self._beat = beat

    async def _leave_deserted(self) -> None:
        await self._deserted_now.wait()
        self._deserted_now.clear()
        for group in tuple(self._deserted):
            await self._leave(group)
        if self._deserted:
            await asyncio.sleep(LEAVE_PAUSE)
            self._deserted_now.set()

    async def _leave(self, group: str) -> None:
        if group in self._members:
            self._deserted.discard(group)
            return
        try:
            if await self.layer.leave(self.name, group, self._read):
                self._deserted.discard(group)
        except LayerUnavailable as error:
            logger.debug("group %s is not left yet: %s", group, error)

    # -- what the parts tell each other

    def _enqueued(self, envelope: Envelope, result: Enqueued | None) -> None:
        self._sockets.enqueued(envelope, result)

    def _leave_groups(self, channel: str) -> None:
        for group in self._members.leave_all(channel):
            self._desert(group)

    def _desert(self, group: str) -> None:
        if group not in self._members:
            self._deserted.add(group)
            self._deserted_now.set()

    def _errand(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)


def _read(content: Content, to: str) -> Answer | None:
    try:
        return read_answer(content)
    except ValueError as error:
        logger.error("what was sent to %s makes no sense and is ignored: %s", to, error)
        return None
