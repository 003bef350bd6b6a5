"""Send HTTP responses without making a thread wait for their clients.

A worker sends at most ``SWITCHBOARD["HTTP_WINDOW_BYTES"]`` ahead of what the interface has written to the client: it
asks the interface to report once a part has been written, and sends more when the report is there. A response that fits
into the window is sent by the thread that made it, and never waits or reports.

What does not fit is an `OutgoingResponse`. Its thread produces it at full speed into a `Spool`, or leaves behind the
content or the file that it is; then the thread is done, and so is its connection to the database. The `ResponseSender`
on the worker's event loop sends the rest. A response that waits for its client is a coroutine there, with a position in
a file: no thread and no connection to Redis waits with it, because one call waits for the reports of all of them.

All responses of an interface together are bounded as well: a part is sent only while its inbox holds at most
``SWITCHBOARD["INBOX_WINDOW_BYTES"]`` that it has not read. A small part nearly always finds room beside large ones.

Everything is bounded: how far a stream may be ahead of its client, what all responses together hold, their number, and
the time that they wait. Beyond a bound the responses that have waited longest for their clients are given up. The
client of a response that is given up is cut off, so that it does not take a part for the whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Final, Protocol
from weakref import WeakKeyDictionary

from switchboard.backoff import Backoff
from switchboard.conf import get_settings
from switchboard.events import Content, Reply
from switchboard.exceptions import InboxFull, LayerUnavailable, SwitchboardError
from switchboard.layers.base import Layer
from switchboard.names import new_reply_channel, new_worker
from switchboard.spool import Spool

__all__ = [
    "ABORT",
    "PART_BYTES",
    "SERVER_ERROR",
    "UNAVAILABLE",
    "ClientGone",
    "FileSource",
    "OutgoingResponse",
    "ResponseSender",
    "finish_responses",
    "parts",
    "sender_on",
]

logger = logging.getLogger("switchboard.http")

#: A part is cut to this many bytes: what one entry of an inbox should hold.
PART_BYTES: Final = 256 * 1024
#: Unfinished responses of one worker; each may have a file open.
MAX_RESPONSES: Final = 256
#: Threads that read files and spools.
READ_THREADS: Final = 2
#: Seconds between two tries to send a part while the inbox of its interface is full: at first, and at most.
MIN_PAUSE: Final = 0.005
MAX_PAUSE: Final = 0.1
#: Seconds after which an interface that reads nothing of its inbox gets no more of a response.
STALLED_SECONDS: Final = 60.0
#: Seconds that one call waits for reports.
REPORT_WAIT: Final = 2.0
#: Seconds between two calls while the layer is away.
AWAY_PAUSE: Final = 0.5
#: Seconds for telling interfaces, at the end of a worker, that responses are given up.
ABORT_TIMEOUT: Final = 1.0

#: What a client gets whose view raised before the response began.
SERVER_ERROR: Final[Content] = {
    "status": 500,
    "headers": [(b"content-type", b"text/plain; charset=utf-8")],
    "content": b"Something went wrong here. The error has been logged.\n",
    "more_content": False,
}
#: What a client gets when too many long responses are being produced.
UNAVAILABLE: Final[Content] = {
    "status": 503,
    "headers": [(b"content-type", b"text/plain; charset=utf-8"), (b"retry-after", b"5")],
    "content": b"This site has more to do than it can at the moment. Please try again.\n",
    "more_content": False,
}
#: The part after which nothing comes, though the response is not whole. Interfaces of earlier versions do not know
#: ``abort``; they cut a response off that has a second status.
ABORT: Final[Content] = {"status": 500, "abort": True, "content": b"", "more_content": False}


class ClientGone(SwitchboardError):
    """The client closed its connection, or the response was given up."""


class Source(Protocol):
    """Where the bytes of a response come from."""

    def take(self, size: int) -> bytes:
        """Remove and return up to ``size`` bytes; nothing if there is nothing."""

    def close(self) -> None:
        """Release what it holds."""


class ContentSource:
    """A content that is whole."""

    def __init__(self, content: bytes) -> None:
        self._content = memoryview(content)

    def take(self, size: int) -> bytes:
        taken, self._content = self._content[:size], self._content[size:]
        return bytes(taken)

    def close(self) -> None:
        self._content = memoryview(b"")


class FileSource:
    """A file on a disk, of which ``begun`` was read already."""

    def __init__(self, file: IO[bytes], begun: bytes = b"") -> None:
        self._file = file
        self._begun = begun

    def take(self, size: int) -> bytes:
        if self._begun:
            taken, self._begun = self._begun[:size], self._begun[size:]
            return taken
        return self._file.read(size)

    def close(self) -> None:
        self._begun = b""
        self._file.close()


class OutgoingResponse:
    """One response on its way: produced in one thread, sent on the loop of its sender.

    ``status`` and ``headers`` of ``head`` go with the first part.
    """

    def __init__(self, sender: ResponseSender, channel: str, head: Content, source: Source, *, ended: bool) -> None:
        self.channel = channel
        self.head = head
        #: Whether everything has been put into the source.
        self.ended = ended
        #: What is sent instead of the rest; empty if the client is gone.
        self.failure: Content | None = None
        self.sent = self.asked = self.written = 0
        #: When it began to wait for its client, or when that last read something.
        self.progress_at = time.monotonic()
        #: Bytes that count for the bound of all responses.
        self.reserved = 0
        #: Set when there is something new for the coroutine that sends it.
        self.woken = asyncio.Event()
        self._sender = sender
        self._source = source
        self._limit = sender.settings.HTTP_SPOOL_BYTES
        self._changed = threading.Condition()
        self._closed = False

    # -- for the thread that produces it

    def write(self, chunk: bytes) -> None:
        """Append ``chunk``; wait while the client is too far behind.

        Raises:
            ClientGone: stop producing.
            OSError: the disk is full.
        """
        for part in parts(chunk):
            self._wait_for_room(len(part))
            if not self._sender.reserve(self, len(part)):
                self.give_up("no room is left for it", UNAVAILABLE)
                raise ClientGone(self.channel)
            with self._changed:
                if self._closed or self.has_failed():
                    self._sender.release(self, len(part))
                    raise ClientGone(self.channel)
                self._spool.put(part)
        self._sender.wake(self)

    def end(self) -> None:
        """Send what is left, and nothing after it."""
        self.ended = True
        self._sender.wake(self)

    def _wait_for_room(self, size: int) -> None:
        with self._changed:
            while len(self._spool) and len(self._spool) + size > self._limit and not self.has_failed():
                if not self._changed.wait(self._sender.settings.HTTP_STALL_TIMEOUT):
                    self.give_up(f"its client is {len(self._spool)} bytes behind and reads nothing")

    @property
    def _spool(self) -> Spool:
        assert isinstance(self._source, Spool)
        return self._source

    # -- for any thread

    def give_up(self, reason: str, page: Content = SERVER_ERROR) -> None:
        """Cut the response off, or send ``page`` if it has not begun."""
        if self.failure is None:
            logger.warning("response on %s: %s; cutting its client off", self.channel, reason)
            self.failure = page
        self._sender.wake(self)

    def drop(self) -> None:
        """Send nothing more, because the client is gone."""
        if self.failure is None:
            self.failure = {}
        self._sender.wake(self)

    def take(self, size: int) -> bytes:
        """Take what is to be sent next; nothing if there is nothing now."""
        with self._changed:
            taken = b"" if self._closed else self._source.take(size)
            self._changed.notify_all()
        self._sender.release(self, len(taken))
        return taken

    def close(self) -> None:
        """Release everything. The thread that produces it learns of it with its next `write`."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self.failure = self.failure if self.failure is not None or self.ended else {}
            self._source.close()
            self._changed.notify_all()
        self._sender.release(self, self.reserved)

    # -- for the sender

    def has_failed(self) -> bool:
        """Return whether nothing more of it is to be sent."""
        return self.failure is not None

    @property
    def is_blocked(self) -> bool:
        """True while it waits for its client."""
        return self.sent - self.written >= self._sender.settings.HTTP_WINDOW_BYTES

    def reported(self, total: int) -> None:
        """Take the interface's report: ``total`` bytes are written, or the client is gone."""
        if total < 0:
            self.drop()
        elif total > self.written:
            self.written = total
            self.progress_at = time.monotonic()
            self.woken.set()


class ResponseSender:
    """Sends the `OutgoingResponse`s of one worker, on one event loop."""

    def __init__(self, layer: Layer, loop: asyncio.AbstractEventLoop) -> None:
        self.settings = settings = get_settings()
        self._layer = layer
        self._loop = loop
        #: Seconds after which a client that reads as fast as it must has read what it takes for the next report.
        self._patience = settings.HTTP_WINDOW_BYTES / settings.HTTP_MIN_RATE + 2 * settings.HTTP_STALL_TIMEOUT
        self._responses: dict[str, OutgoingResponse] = {}
        self._tasks: dict[asyncio.Task[None], OutgoingResponse] = {}
        self._listener: asyncio.Task[None] | None = None
        #: A report on it ends the wait for reports.
        self._wake_channel = new_reply_channel(new_worker())
        self._readers = ThreadPoolExecutor(READ_THREADS, "response")
        self._lock = threading.Lock()
        self._reserved = 0
        self._closed = False

    # -- for the threads that make responses

    def stream(self, channel: str, head: Content) -> OutgoingResponse:
        """Begin a response whose content is still to be produced."""
        return self._begin(OutgoingResponse(self, channel, head, Spool(self.settings.HTTP_SPOOL_BYTES), ended=False))

    def send_content(self, channel: str, head: Content, content: bytes) -> None:
        """Send a content that is whole."""
        response = OutgoingResponse(self, channel, head, ContentSource(content), ended=True)
        if not self.reserve(response, len(content)):
            response.give_up("no room is left for it", UNAVAILABLE)
        self._begin(response)

    def send_file(self, channel: str, head: Content, file: FileSource) -> None:
        """Send a file that any thread may read, and close it."""
        self._begin(OutgoingResponse(self, channel, head, file, ended=True))

    def _begin(self, response: OutgoingResponse) -> OutgoingResponse:
        with self._lock:
            is_full = len(self._responses) >= MAX_RESPONSES
            self._responses[response.channel] = response
        if is_full and not self._give_up_slowest(response):
            response.give_up("too many responses wait for their clients", UNAVAILABLE)
        try:
            self._loop.call_soon_threadsafe(self._start, response)
        except RuntimeError:  # the loop is closed
            response.close()
        return response

    def wake(self, response: OutgoingResponse) -> None:
        """Wake the coroutine of ``response``."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(response.woken.set)

    # -- the bound of all of them

    def reserve(self, response: OutgoingResponse, size: int) -> bool:
        """Reserve ``size`` bytes, if need be those of responses that are blocked. Return False if there is no room."""
        while True:
            with self._lock:
                if self._reserved + size <= self.settings.HTTP_SPOOL_TOTAL_BYTES:
                    self._reserved += size
                    response.reserved += size
                    return True
            if not self._give_up_slowest(response):
                return False

    def release(self, response: OutgoingResponse, size: int) -> None:
        """Give back ``size`` bytes."""
        with self._lock:
            size = min(size, response.reserved)
            response.reserved -= size
            self._reserved -= size

    def _give_up_slowest(self, besides: OutgoingResponse) -> bool:
        with self._lock:
            blocked = [other for other in self._responses.values() if other.is_blocked and other is not besides]
            blocked = [other for other in blocked if not other.has_failed()]
        if not blocked:
            return False
        slowest = min(blocked, key=lambda other: other.progress_at)
        slowest.give_up("others need its room, and its client has read nothing for the longest time")
        slowest.close()
        return True

    # -- sending, on the loop

    def _start(self, response: OutgoingResponse) -> None:
        if self._closed:
            response.give_up("its worker ends")
        task = self._loop.create_task(self._send(response), name=f"response on {response.channel}")
        self._tasks[task] = response
        task.add_done_callback(self._tasks.pop)
        if self._listener is None:
            self._listener = self._loop.create_task(self._listen(), name="reports")
        else:
            waker = self._loop.create_task(self._wake_listener(), name="wake the reports")
            self._tasks[waker] = response
            waker.add_done_callback(self._tasks.pop)

    async def _send(self, response: OutgoingResponse) -> None:
        try:
            try:
                await self._send_parts(response)
            except LayerUnavailable as error:
                # Whether the part arrived is not known, so it cannot be sent again.
                response.give_up(f"the layer did not take a part of it: {error}")
            except Exception:
                logger.exception("response on %s: a part cannot be sent", response.channel)
                response.give_up("a part cannot be sent")
            if response.failure:
                await self._send_failure(response, response.failure)
        finally:
            with self._lock:
                self._responses.pop(response.channel, None)
            try:
                closing = self._loop.run_in_executor(self._readers, response.close)
            except RuntimeError:  # the sender has finished: a view came back after its worker gave it up
                response.close()
            else:
                await asyncio.shield(closing)

    async def _send_parts(self, response: OutgoingResponse) -> None:
        while not response.has_failed():
            response.woken.clear()
            if response.is_blocked:
                await self._wait_for_report(response)
                continue
            ended = response.ended
            content = await self._loop.run_in_executor(self._readers, response.take, PART_BYTES)
            if response.has_failed():
                return
            if content or ended:
                await self._publish(response, content, more=bool(content))
            else:
                await response.woken.wait()
            if ended and not content:
                return

    async def _publish(self, response: OutgoingResponse, content: bytes, *, more: bool) -> None:
        response.sent += len(content)
        part: Content = {**response.head, "content": content, "more_content": more}
        if more and response.sent - response.asked >= self.settings.HTTP_WINDOW_BYTES // 2:
            response.asked = response.sent
            part = {**part, "report": response.sent}
        response.head = {}
        response.progress_at = time.monotonic()
        await self._publish_when_read(response, Reply(response.channel, part))

    async def _publish_when_read(self, response: OutgoingResponse, part: Reply) -> None:
        """Send ``part`` once its interface has read enough: one that stands still must not fill Redis."""
        deadline, pause = time.monotonic() + STALLED_SECONDS, MIN_PAUSE
        while not response.has_failed():
            try:
                await self._layer.publish([part], window=self.settings.INBOX_WINDOW_BYTES)
            except InboxFull:
                if time.monotonic() >= deadline:
                    response.give_up("its interface reads nothing")
                await asyncio.sleep(pause)
                pause = min(2 * pause, MAX_PAUSE)
            else:
                return

    async def _wait_for_report(self, response: OutgoingResponse) -> None:
        left = response.progress_at + self._patience - time.monotonic()
        try:
            async with asyncio.timeout(max(left, 0)):
                await response.woken.wait()
        except TimeoutError:
            response.give_up(f"its interface reported nothing for {self._patience:.0f} s")

    async def _send_failure(self, response: OutgoingResponse, page: Content) -> None:
        content = page if response.head else ABORT
        response.head = {}
        backoff = Backoff()
        # Until the client is gone, or the worker: to cut a response off twice changes nothing.
        while response.failure:
            try:
                await self._layer.publish([Reply(response.channel, content)])
            except LayerUnavailable:
                await backoff.wait()
            else:
                return

    # -- reports

    async def _listen(self) -> None:
        """Read the reports for all responses, until there are none."""
        try:
            while self._tasks:
                with self._lock:
                    channels = [self._wake_channel, *self._responses]
                try:
                    reports = await self._layer.await_reports(channels, wait=REPORT_WAIT)
                except LayerUnavailable:
                    await asyncio.sleep(AWAY_PAUSE)
                    continue
                for channel, total in reports.items():
                    if response := self._responses.get(channel):
                        response.reported(total)
        except Exception:
            logger.exception("reports cannot be read")
            for response in list(self._responses.values()):
                response.give_up("reports cannot be read")
        finally:
            self._listener = None

    async def _wake_listener(self) -> None:
        with contextlib.suppress(LayerUnavailable):  # it wakes by itself, later
            await self._layer.report_written(self._wake_channel, 0)

    # -- the end

    @property
    def is_idle(self) -> bool:
        """True if nothing is left to send."""
        return not self._responses and not self._tasks

    async def finish(self, timeout: float) -> None:
        """Send what is left, for up to ``timeout`` seconds, then give it up."""
        await self._wait(timeout)
        self._closed = True
        for response in set(self._tasks.values()):
            response.give_up("its worker ends")
        await self._wait(ABORT_TIMEOUT)
        tasks = [*self._tasks] + ([self._listener] if self._listener else [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._readers.shutdown(wait=False)

    async def _wait(self, timeout: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while not self.is_idle:
                    if self._tasks:
                        await asyncio.wait([*self._tasks])
                    else:
                        await asyncio.sleep(0)  # one is about to start


#: By event loop, and on it by layer.
_senders: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, ResponseSender]] = WeakKeyDictionary()
_senders_lock = threading.Lock()


def sender_on(layer: Layer, loop: asyncio.AbstractEventLoop) -> ResponseSender:
    """Return the sender of responses over ``layer`` on ``loop``; callable from any thread."""
    with _senders_lock:
        senders = _senders.setdefault(loop, {})
        sender = senders.get(id(layer))
        if sender is None:
            sender = senders[id(layer)] = ResponseSender(layer, loop)
        return sender


async def finish_responses(layer: Layer, timeout: float) -> None:
    """Send what is left of the responses over ``layer`` on this loop, for ``timeout`` seconds; cut off the rest."""
    with _senders_lock:
        sender = _senders.get(asyncio.get_running_loop(), {}).get(id(layer))
    if sender is not None:
        await sender.finish(timeout)
        with _senders_lock:
            _senders.get(asyncio.get_running_loop(), {}).pop(id(layer), None)


def parts(content: bytes) -> Iterator[bytes]:
    """Cut ``content`` into pieces of `PART_BYTES`; at least one."""
    for start in range(0, max(len(content), 1), PART_BYTES):
        yield content[start : start + PART_BYTES]
