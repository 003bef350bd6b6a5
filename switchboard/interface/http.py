"""One HTTP request, from the client to a worker and back.

At most once: a request is put on its channel one time, and where it is uncertain whether that happened, the answer
is 503 rather than a second try. A worker claims a request before it runs it; if that worker dies before the response
began, the answer is 502, afterwards the connection is cut, so that nobody takes half a page for a whole one. If
nobody answers in time it is 504.

The parts of a response are written as they come. Where a part asks for it, the worker is told how much has been
written, which keeps a fast worker from filling this process with a slow client's download. What waits here all the same
is bounded, and so is the time that a client may leave it unread: see `slow_readers`.
"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import Any

from switchboard.conf import Settings
from switchboard.events import Envelope
from switchboard.exceptions import ContentError, LayerUnavailable
from switchboard.interface.exchange import End, Exchange, Part, read_part
from switchboard.interface.hub import Hub
from switchboard.interface.pages import page
from switchboard.interface.slow_readers import backlog_of
from switchboard.interface.wire import Receive, Scope, Send, is_extended
from switchboard.names import HTTP_REQUEST

logger = logging.getLogger(__name__)

#: Seconds for the layer to take a request; a client would rather be told to come back than wait for the network.
REQUEST_PATIENCE = 5.0


class _Refusal(Exception):
    """The request is answered with a page of our own."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status)
        self.status = status


class _ClientGone(Exception):
    """Nobody is left to answer."""


class Request:
    """The coroutine's side of an `Exchange`."""

    def __init__(self, hub: Hub, settings: Settings, scope: Scope, receive: Receive, send: Send) -> None:
        self._hub = hub
        self._settings = settings
        self._scope = scope
        self._receive = receive
        self._send = send
        self._backlog = backlog_of(scope)
        self._began = False
        self._deadline = asyncio.get_running_loop().time() + settings.HTTP_TIMEOUT

    async def serve(self) -> None:
        """Answer the request, whatever happens."""
        try:
            body = await self._body()
            await self._queue_and_answer(body)
        except _Refusal as refusal:
            await self._refuse(refusal.status)
        except _ClientGone:
            pass

    async def _body(self) -> bytes:
        limit = self._settings.HTTP_BODY_BYTES
        if self._announced_length() > limit:
            raise _Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        chunks, size, more = [], 0, True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise _ClientGone
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > limit:
                raise _Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            more = message.get("more_body", False)
        return b"".join(chunks)

    def _announced_length(self) -> int:
        for name, value in self._scope["headers"]:
            if name == b"content-length" and value.isdigit():
                return int(value)
        return 0

    # -- to the worker

    async def _queue_and_answer(self, body: bytes) -> None:
        if not await self._hub.ready(REQUEST_PATIENCE):
            raise _Refusal(HTTPStatus.SERVICE_UNAVAILABLE)
        exchange = self._hub.open_exchange()
        exchange.on_abort = self._abort
        if self._backlog is not None:
            self._backlog.exchange = exchange
            exchange.on_queued = self._backlog.on_queued
        watcher = asyncio.create_task(self._watch_client(exchange), name=f"client of {exchange.channel}")
        try:
            await self._queue(exchange, body)
            await self._answer(exchange)
        except (_ClientGone, asyncio.CancelledError):
            self._hub.report_gone(exchange.channel)
            raise
        finally:
            self._hub.close_exchange(exchange)
            if self._backlog is not None and self._backlog.exchange is exchange:
                self._backlog.exchange = None
            watcher.cancel()

    async def _watch_client(self, exchange: Exchange) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        exchange.put(End.CLIENT_GONE)

    async def _queue(self, exchange: Exchange, body: bytes) -> None:
        content = request_content(self._scope, body, exchange.channel)
        envelope = Envelope(HTTP_REQUEST, id=f"{exchange.channel}/0", content=content, socket=exchange.channel)
        try:
            async with asyncio.timeout(REQUEST_PATIENCE):
                queued = await self._hub.request(envelope, timeout=self._settings.HTTP_TIMEOUT)
        except (LayerUnavailable, TimeoutError):
            queued = False
        except ContentError:
            logger.exception("the layer can't carry a request of %s", self._scope["path"])
            raise _Refusal(HTTPStatus.BAD_GATEWAY) from None
        if not queued:
            raise _Refusal(HTTPStatus.SERVICE_UNAVAILABLE)

    # -- to the client

    def _abort(self) -> None:
        logger.warning("%s %s: its worker gave the response up", self._scope["method"], self._scope["path"])
        if self._began and self._backlog is not None:
            # At once: parts that came before may wait until the client is closed for reading too slowly.
            self._backlog.client.abort()

    async def _answer(self, exchange: Exchange) -> None:
        while True:
            part = await self._next_part(exchange)
            await self._write(part)
            if part.report is not None and part.more:
                await self._hub.report_written(exchange.channel, part.report)
            if not part.more:
                return

    async def _next_part(self, exchange: Exchange) -> Part:
        try:
            # Once it began there is no deadline: a stream may take its time, as long as its worker lives.
            async with asyncio.timeout_at(None if self._began else self._deadline):
                event = await exchange.next()
        except TimeoutError:
            self._hub.report_gone(exchange.channel)
            raise _Refusal(HTTPStatus.GATEWAY_TIMEOUT) from None
        if event is End.CLIENT_GONE:
            raise _ClientGone
        if isinstance(event, End):
            logger.warning("%s %s: %s", self._scope["method"], self._scope["path"], event.value)
            raise _Refusal(HTTPStatus.BAD_GATEWAY)
        try:
            part = read_part(event)
            if part.abort:
                raise _Refusal(HTTPStatus.BAD_GATEWAY)
            if (part.status is None) is not self._began:
                raise ValueError("a response has one status, in its first part")
        except ValueError as error:
            logger.error("%s %s: the answer makes no sense: %s", self._scope["method"], self._scope["path"], error)
            self._hub.report_gone(exchange.channel)
            raise _Refusal(HTTPStatus.BAD_GATEWAY) from None
        return part

    async def _write(self, part: Part) -> None:
        if part.status is not None:
            self._began = True
            self._bodiless = self._scope["method"] == "HEAD" or part.status in (204, 304) or part.status < 200
            await self._send({"type": "http.response.start", "status": part.status, "headers": self._headers(part)})
        # Daphne would send the body of an answer to HEAD, and the client take it for the next response.
        content = b"" if self._bodiless else part.content
        await self._send({"type": "http.response.body", "body": content, "more_body": part.more})

    def _headers(self, part: Part) -> list[tuple[bytes, bytes]]:
        headers = list(part.headers)
        # What comes whole has a length; Daphne would send it in chunks instead.
        if not part.more and not self._bodiless and not any(name.lower() == b"content-length" for name, _ in headers):
            headers.append((b"content-length", str(len(part.content)).encode()))
        return headers

    async def _refuse(self, status: HTTPStatus) -> None:
        if not self._began:
            answer = page(status, self._scope)
            await self._write(Part(answer.body, False, answer.status, answer.headers))
        elif is_extended(self._scope):
            await self._send({"type": "http.response.abort"})
        else:
            # Stock Daphne can only end a response properly. Not to end it is the lesser evil: the client will give
            # up waiting, instead of taking what it has for everything.
            logger.error("%s: a response stays unfinished, this server can't cut it off", self._scope["path"])


def request_content(scope: Scope, body: bytes, reply_channel: str) -> dict[str, Any]:
    """The message ``http.request`` of Channels 1.x."""
    return {
        "reply_channel": reply_channel,
        "http_version": scope.get("http_version", "1.1"),
        "method": scope["method"],
        "scheme": scope.get("scheme", "http"),
        "path": scope["path"],
        "query_string": scope.get("query_string", b""),
        "root_path": scope.get("root_path", ""),
        "headers": [[name, value] for name, value in scope["headers"]],
        "body": body,
        "client": list(scope["client"]) if scope.get("client") else None,
        "server": list(scope["server"]) if scope.get("server") else None,
    }
