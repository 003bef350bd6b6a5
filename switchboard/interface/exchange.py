"""One HTTP request that waits for its answer, as the hub sees it.

The hub puts in what comes from the workers, the request's own coroutine takes it out.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from switchboard.events import Content
from switchboard.waiting import within

__all__ = ["End", "Event", "Exchange", "Exchanges", "Part", "read_part"]


class End(enum.Enum):
    """Why an exchange ends before its answer does."""

    CLIENT_GONE = "the client is gone"
    WORKER_LOST = "its worker has died"
    INBOX_LOST = "the inbox into which it was to be answered is gone"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a response: the first has a status, the last has ``more`` False.

    ``report``: tell the worker that so many bytes have been written, once this part is. ``abort``: the rest will not
    come; close the client's connection.
    """

    content: bytes
    more: bool
    status: int | None = None
    headers: Sequence[tuple[bytes, bytes]] = ()
    report: int | None = None
    abort: bool = False


def read_part(content: Content) -> Part:
    """The typed form of a reply.

    Raises:
        ValueError: it is no part of a response.
    """
    status, report, body = content.get("status"), content.get("report"), content.get("content", b"")
    if status is not None and not (isinstance(status, int) and 100 <= status <= 999):
        raise ValueError(f"'status' is {status!r}")
    if report is not None and not isinstance(report, int):
        raise ValueError(f"'report' is {report!r}")
    body = body.encode() if isinstance(body, str) else body
    if not isinstance(body, bytes):
        raise ValueError(f"'content' is a {type(body).__name__}, not bytes")
    return Part(
        content=body,
        more=bool(content.get("more_content", False)),
        status=status,
        headers=tuple(_header(header) for header in content.get("headers") or ()),
        report=report,
        abort=bool(content.get("abort", False)),
    )


def _header(header: Any) -> tuple[bytes, bytes]:
    try:
        name, value = header
    except (TypeError, ValueError):
        raise ValueError(f"a header is {header!r}, not a name and a value") from None
    return _latin(name), _latin(value)


def _latin(text: Any) -> bytes:
    raw = text.encode("latin-1") if isinstance(text, str) else text
    if not isinstance(raw, bytes):
        raise ValueError(f"a header has {text!r}, neither bytes nor str")
    if b"\r" in raw or b"\n" in raw or b"\0" in raw:
        raise ValueError(f"a header has a line break: {text!r}")
    return raw


Event: TypeAlias = Content | End


class Exchange:
    """See the module.

    ``on_queued`` gets the bytes of each part that comes. ``on_abort`` is called when the worker gives the response up,
    while parts that came before may still wait for the client.
    """

    def __init__(self, channel: str) -> None:
        self.channel = channel
        #: Who runs it, as soon as somebody does.
        self.worker: str | None = None
        #: Bytes of content that nobody has taken out yet.
        self.queued = 0
        self.on_queued: Callable[[int], None] = lambda size: None
        self.on_abort: Callable[[], None] = lambda: None
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._client_gone = False

    def put(self, event: Event) -> None:
        if self._client_gone:
            return
        if event is End.CLIENT_GONE:
            # Nobody wants what waits before it, and the worker has to know at once.
            self._client_gone = True
            self._empty()
        self._events.put_nowait(event)
        if size := _size(event):
            self.queued += size
            self.on_queued(size)
        if not isinstance(event, End) and event.get("abort"):
            self.on_abort()

    async def next(self) -> Event:
        event = await self._events.get()
        self.queued -= _size(event)
        return event

    def _empty(self) -> None:
        while not self._events.empty():
            self._events.get_nowait()
        self.queued = 0


def _size(event: Event) -> int:
    content = b"" if isinstance(event, End) else event.get("content")
    return len(content) if isinstance(content, (bytes, str)) else 0


class Exchanges:
    """Those of this process that are unanswered, by reply channel."""

    def __init__(self) -> None:
        self._exchanges: dict[str, Exchange] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    def open(self, channel: str) -> Exchange:
        self._exchanges[channel] = exchange = Exchange(channel)
        self._empty.clear()
        return exchange

    def close(self, exchange: Exchange) -> None:
        self._exchanges.pop(exchange.channel, None)
        if not self._exchanges:
            self._empty.set()

    async def wait_empty(self, timeout: float) -> bool:
        """Whether all were closed within ``timeout`` seconds."""
        return await within(self._empty, timeout)

    def __len__(self) -> int:
        return len(self._exchanges)

    def claimed(self, channel: str, worker: str) -> None:
        if exchange := self._exchanges.get(channel):
            exchange.worker = worker

    def reply(self, channel: str, content: Content) -> bool:
        """False if there is no such exchange."""
        exchange = self._exchanges.get(channel)
        if exchange is not None:
            exchange.put(content)
        return exchange is not None

    def workers(self) -> set[str]:
        """Those who run something for us."""
        return {exchange.worker for exchange in self._exchanges.values() if exchange.worker is not None}

    def worker_lost(self, worker: str) -> None:
        for exchange in self._exchanges.values():
            if exchange.worker == worker:
                exchange.worker = None
                exchange.put(End.WORKER_LOST)

    def inbox_lost(self) -> None:
        for exchange in self._exchanges.values():
            exchange.put(End.INBOX_LOST)
