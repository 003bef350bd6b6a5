"""Daphne, with what it lacks.

``python -m switchboard.interface asgi:application`` takes the same options as ``daphne asgi:application``. The
application runs under either; under this one

* a socket can be closed with any code, where stock Daphne takes 1000 and 3000 to 4999 only;
* an empty frame is sent, where stock Daphne drops it;
* a client that does not read what it is sent is cut off at a bound, where stock Daphne keeps it all in memory: nothing
  can be told to it any more, not even a close code, and its socket is reported closed with 1006;
* a client that sends faster than its messages are handled is not read for a while;
* a response is written no faster than the client reads, and can be cut off when its worker died; a client that reads
  too slowly is closed, and what waits for all of them is bounded (`slow_readers`);
* SIGTERM first closes the listening socket, so that another process takes the next connection, then lets the
  application end, and doesn't trip over a handshake (``KeyError: 'application_instance'``);
* at the limit of open files, which is raised as far as it goes, clients are told so instead of reset (`admission`);
* Python's collector of garbage doesn't stop all sockets every few seconds (`garbage`);
* settings or a Redis on which no interface can run end the start with one sentence and status 2;
* the application begins before the first connection, and ends the process with status 1 when it fails for good;
* a handshake is not refused before the application's own ``CONNECT_TIMEOUT``, nor a healthy socket closed after a day.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
import sys
from http import HTTPStatus
from typing import Any, Final

import daphne.server  # first of all that is Twisted's: it installs the reactor
from daphne.cli import CommandLineInterface
from daphne.http_protocol import WebRequest
from django.core.exceptions import ImproperlyConfigured
from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer  # type: ignore[import-untyped]

from switchboard.conf import get_settings
from switchboard.descriptors import raise_file_limit
from switchboard.exceptions import LayerUnavailable, UnfitServer
from switchboard.interface.admission import Admission, is_surplus
from switchboard.interface.client_end import TRY_AGAIN_LATER
from switchboard.interface.endpoint import Endpoint, Turn, unsent
from switchboard.interface.garbage import Garbage
from switchboard.interface.pages import page
from switchboard.interface.slow_readers import Backlog, SlowReaders
from switchboard.interface.wire import EXTENSION

__all__ = ["CommandLine", "Server"]

logger = logging.getLogger(__name__)

#: Seconds; above any sensible CONNECT_TIMEOUT, since the interface's answer explains more than Daphne's 403.
HANDSHAKE_TIMEOUT: Final = 60
#: The status of a process that was given a bad setting or option, as argparse has it.
BAD_USAGE: Final = 2
#: The status of a process whose application has failed.
FAILED: Final = 1
#: Daphne's word for no limit.
UNLIMITED: Final = -1
#: Seconds that requests under way are given after SIGTERM.
REQUEST_GRACE: Final = 2.0


@implementer(IPushProducer)
class _Valve:
    """Twisted's send buffer of one response: shut while it is full."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()

    def pauseProducing(self) -> None:
        self.open.clear()

    def resumeProducing(self) -> None:
        self.open.set()

    def stopProducing(self) -> None:
        self.open.set()


class HttpConnection:
    """The client of an HTTP request, by its transport: a `ClientConnection`."""

    __slots__ = ("_transport",)

    #: Where Linux has tcpi_bytes_acked in its struct tcp_info, since 4.1.
    _BYTES_ACKED: Final = struct.Struct("@Q")
    _BYTES_ACKED_AT: Final = 120

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def unsent(self) -> int:
        return unsent(self._transport) if self._transport.connected else 0

    def acknowledged(self) -> int | None:
        if not sys.platform.startswith("linux"):
            return None
        try:
            below = getattr(self._transport, "transport", self._transport)  # TLS lies above the socket
            info = below.getHandle().getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
            (acknowledged,) = self._BYTES_ACKED.unpack_from(info, self._BYTES_ACKED_AT)
        except (OSError, AttributeError, struct.error):
            return None  # no TCP socket, or an older kernel
        return int(acknowledged)

    def abort(self) -> None:
        self._transport.abortConnection()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HttpConnection) and other._transport is self._transport

    def __hash__(self) -> int:
        return id(self._transport)

    def __str__(self) -> str:
        peer = self._transport.getPeer()
        return f"{getattr(peer, 'host', peer)}:{getattr(peer, 'port', '')}"


class Server(daphne.server.Server):  # type: ignore[misc]
    """See the module. The application may have methods ``verify()``, ``start(failed)`` and ``stop()``: see `Interface`.

    After `run`, ``failed`` says whether the application ended it.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.failed = False
        self._ports: list[Any] = []
        self._garbage = Garbage()
        settings = get_settings()
        self._slow_readers = SlowReaders(
            min_rate=settings.HTTP_MIN_RATE,
            stall_timeout=settings.HTTP_STALL_TIMEOUT,
            max_bytes=settings.HTTP_UNSENT_BYTES,
        )

    def run(self) -> None:
        """Serve until the end.

        Raises:
            UnfitServer: the application cannot work on what its layer names. Nothing listens then.
        """
        verify = getattr(self.application, "verify", None)
        if verify is not None:
            try:
                asyncio.run(verify())
            except UnfitServer:
                raise
            except LayerUnavailable as error:
                logger.warning("the layer is away: %s", error)
        self._admission = Admission(raise_file_limit())
        self._garbage.begin()
        # By a timer, since `callWhenRunning` calls before the loop runs.
        daphne.server.reactor.callLater(0, self._begin)
        super().run()

    # -- the sockets

    def protocol_disconnected(self, protocol: Any) -> None:
        if protocol not in self.connections:
            return  # Daphne says it twice of a refused handshake
        super().protocol_disconnected(protocol)
        self._garbage.closed()
        if isinstance(protocol, WebRequest) and (backlog := protocol.__dict__.pop("backlog", None)) is not None:
            backlog.requests -= 1
        if _has_succeeded(self.connections[protocol].get("application_instance")):
            # Daphne would do so up to a second later, and keep hundreds of closed connections where many come and go.
            del self.connections[protocol]
        if isinstance(protocol, WebRequest) and protocol.transport is None and hasattr(protocol, "channel"):
            # It became a WebSocket. Its HTTP connection is not used any more, and never told that it is over: the two
            # would refer to each other until the garbage collector finds them.
            protocol.channel.requests.clear()

    def application_checker(self) -> None:
        """Daphne calls it every second."""
        super().application_checker()
        self._garbage.look(len(self.connections))
        self._slow_readers.check()
        self._admission.look()

    # -- the application

    def _begin(self) -> None:
        start = getattr(self.application, "start", None)
        if start is not None:
            try:
                start(self._application_failed)
            except Exception:  # Twisted's log, where it would go, is switched off
                logger.critical("the application did not start", exc_info=True)
                self._application_failed()

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        extension: Any = {}
        if isinstance(protocol, Endpoint):
            extension = protocol
        elif (transport := getattr(protocol.channel, "transport", None)) is not None:  # a stream of HTTP/2 has none
            extension = protocol.backlog = self._slow_readers.open(HttpConnection(transport))
        scope["extensions"] = {**scope.get("extensions", {}), EXTENSION: extension}
        if is_surplus(protocol.transport):
            return self._refuse(protocol, scope)
        return super().create_application(protocol, scope)

    def _refuse(self, protocol: Any, scope: dict[str, Any]) -> asyncio.Queue[Any]:
        """Tell the client that there is no room for it, in the application's place."""
        telling = _tell_socket(protocol, scope) if isinstance(protocol, Endpoint) else _tell_request(protocol, scope)
        self.connections[protocol]["application_instance"] = asyncio.ensure_future(telling)
        return asyncio.Queue()

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        if protocol not in self.connections or "disconnected" in self.connections[protocol]:
            return
        if message["type"] == "http.response.abort":
            protocol.channel.transport.abortConnection()
        elif message["type"] == "http.response.body":
            await self._write(protocol, message)
        else:
            await super().handle_reply(protocol, message)

    async def _write(self, request: WebRequest, message: dict[str, Any]) -> None:
        valve = request.producer
        if message.get("more_body") and valve is None:
            valve = _Valve()
            request.registerProducer(valve, True)
        elif valve is not None and not message.get("more_body"):
            request.unregisterProducer()  # or Twisted complains at the end of the response
        backlog: Backlog | None = getattr(request, "backlog", None)  # gone with the last part
        await super().handle_reply(request, message)
        if backlog is not None:
            backlog.record_write(len(message.get("body", b"")))
        if valve is not None:
            await valve.open.wait()

    # -- the end

    def _application_failed(self) -> None:
        self.failed = True
        with contextlib.suppress(ReactorNotRunning):  # it ends already
            self.stop()

    def listen_success(self, port: Any) -> None:
        self._ports.append(port)
        self._admission.govern(port)
        # Daphne has no seam for it; nothing was accepted before now.
        self.ws_factory.protocol = Endpoint
        self.ws_factory.turn = Turn(get_settings().SOCKET_UNSENT_BYTES)
        super().listen_success(port)

    def kill_all_applications(self) -> Deferred[None]:
        return Deferred.fromFuture(asyncio.ensure_future(self._end()))

    async def _end(self) -> None:
        for port in self._ports:
            port.stopListening()
        stop = getattr(self.application, "stop", None)
        ended = stop() if stop is not None else None
        await self._finish_requests()
        if ended is not None:
            try:
                await ended
            except Exception:
                logger.exception("the application did not end in order")
        running = self._running()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _finish_requests(self) -> None:
        requests = self._running(WebRequest)
        if requests:
            await asyncio.wait(requests, timeout=REQUEST_GRACE)

    def _running(self, kind: type = object) -> list[asyncio.Future[Any]]:
        instances = (
            details.get("application_instance")
            for protocol, details in self.connections.items()
            if isinstance(protocol, kind)
        )
        return [instance for instance in instances if instance is not None and not instance.done()]


async def _tell_socket(endpoint: Endpoint, scope: dict[str, Any]) -> None:
    # Accepted first, with a subprotocol if it wants one: see `ClientEnd`.
    endpoint.accept(next(iter(scope["subprotocols"]), None))
    endpoint.close(TRY_AGAIN_LATER)


async def _tell_request(request: WebRequest, scope: dict[str, Any]) -> None:
    answer = page(HTTPStatus.SERVICE_UNAVAILABLE, scope)
    if request.channel is not None:
        request.channel.persistent = False
    headers = [*answer.headers, (b"connection", b"close")]
    request.handle_reply({"type": "http.response.start", "status": answer.status, "headers": headers})
    # To HEAD Daphne would send a body as well.
    request.handle_reply({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})


def _has_succeeded(instance: asyncio.Future[Any] | None) -> bool:
    """Whether a connection had no application, or one that is done and has raised nothing that Daphne would log."""
    if instance is None:
        return True
    return instance.done() and not instance.cancelled() and instance.exception() is None


class CommandLine(CommandLineInterface):  # type: ignore[misc]
    """Daphne's options; the defaults of two are raised, see the module."""

    server: Server  # set by `run`

    description = "Switchboard's interface: Daphne, holding the sockets"
    server_class = Server

    def __init__(self) -> None:
        super().__init__()
        self.parser.prog = "python -m switchboard.interface"
        self.parser.set_defaults(websocket_connect_timeout=HANDSHAKE_TIMEOUT, websocket_timeout=UNLIMITED)

    def run(self, args: Any) -> None:
        """Daphne's; what is wrong with the settings is one sentence, and the status of a bad option."""
        try:
            super().run(args)
        except (ImproperlyConfigured, UnfitServer) as error:
            print(error, file=sys.stderr)
            raise SystemExit(BAD_USAGE) from None
        if self.server.failed:
            raise SystemExit(FAILED)
