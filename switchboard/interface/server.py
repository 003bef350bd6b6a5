"""Daphne, with what it lacks.

``python -m switchboard.interface asgi:application`` takes the same options as ``daphne asgi:application``. The
application runs under either; under this one

* a socket can be closed with any code, where stock Daphne takes 1000 and 3000 to 4999 only;
* an empty frame is sent, where stock Daphne drops it;
* a client that does not read what it is sent is cut off at a bound, where stock Daphne keeps it all in memory: nothing
  can be told to it any more, not even a close code, and its socket is reported closed with 1006;
* a client that sends faster than its messages are handled is not read for a while;
* a response is written no faster than the client reads, and can be cut off when its worker died;
* SIGTERM first closes the listening socket, so that another process takes the next connection, then lets the
  application end, and doesn't trip over a handshake (``KeyError: 'application_instance'``);
* settings or a Redis on which no interface can run end the start with one sentence and status 2;
* a handshake is not refused before the application's own ``CONNECT_TIMEOUT``, nor a healthy socket closed after a day.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from typing import Any, Final

import daphne.server  # first of all that is Twisted's: it installs the reactor
from daphne.cli import CommandLineInterface
from daphne.http_protocol import WebRequest
from daphne.ws_protocol import WebSocketProtocol
from django.core.exceptions import ImproperlyConfigured
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer  # type: ignore[import-untyped]

from switchboard.conf import get_settings
from switchboard.exceptions import LayerUnavailable, UnfitServer
from switchboard.interface.answers import NORMAL_CLOSURE
from switchboard.interface.wire import EXTENSION, READ

__all__ = ["CommandLine", "Server"]

logger = logging.getLogger(__name__)

#: Seconds; above any sensible CONNECT_TIMEOUT, since the interface's answer explains more than Daphne's 403.
HANDSHAKE_TIMEOUT: Final = 60
#: The status of a process that was given a bad setting or option, as argparse has it.
BAD_USAGE: Final = 2
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


class Protocol(WebSocketProtocol):  # type: ignore[misc]
    """One socket, bounded in both directions."""

    paused = False
    cut = False

    def push(self, payload: bytes, *, binary: bool, most_unsent: int) -> None:
        """Send a frame, or cut the client off when more than ``most_unsent`` bytes wait for it to read."""
        if self.cut or self.state != self.STATE_OPEN:
            return  # nobody is left to hear it
        self.sendMessage(payload, isBinary=binary)
        if unsent(self.transport) > most_unsent and not self._written(most_unsent):
            logger.warning("%s does not read what it is sent; it is cut off", self.client_addr)
            self.cut = True
            self.transport.abortConnection()

    def _written(self, most_unsent: int) -> bool:
        """Write now, not at the loop's next turn: much may be sent in one turn to a client that reads well."""
        before = most_unsent + 1
        write = getattr(self.transport, "doWrite", None)  # TLS has none, there the bound holds for each turn
        while write is not None and most_unsent < unsent(self.transport) != before:
            before = unsent(self.transport)
            write()
        return unsent(self.transport) <= most_unsent

    def read(self, on: bool) -> None:
        """Read from the client, or leave what it sends to the kernel, which makes it wait."""
        self.paused = not on
        if on:
            self.transport.resumeProducing()
        else:
            self.transport.pauseProducing()

    # While it is not read its pongs aren't either, and silence proves nothing.

    def check_timeouts(self) -> None:
        if self.paused:
            self.last_ping = time.time()
        super().check_timeouts()

    def onAutoPingTimeout(self) -> None:
        if not self.paused:
            super().onAutoPingTimeout()


def unsent(transport: Any) -> int:
    """Bytes that Twisted holds until the client reads. It has no public word for it: these are the fields of
    `twisted.internet.abstract.FileDescriptor`, and under TLS of `TLSMemoryBIOProtocol` above it."""
    encrypted = getattr(transport, "_appSendBuffer", None)
    if encrypted is not None:
        return sum(map(len, encrypted)) + unsent(transport.transport)
    return len(transport.dataBuffer) - transport.offset + transport._tempDataLen  # type: ignore[no-any-return]


class Server(daphne.server.Server):  # type: ignore[misc]
    """See the module. The application may have a method ``stop()`` that returns a future."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._ports: list[Any] = []
        self._most_unsent = get_settings().SOCKET_UNSENT_BYTES

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
        super().run()

    # -- messages from the application

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        scope["extensions"] = {**scope.get("extensions", {}), EXTENSION: {}}
        return super().create_application(protocol, scope)

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        if protocol not in self.connections or "disconnected" in self.connections[protocol]:
            return
        if isinstance(protocol, WebSocketProtocol) and protocol.state != protocol.STATE_CONNECTING:
            self._to_socket(protocol, message)
        elif message["type"] == "http.response.abort":
            protocol.channel.transport.abortConnection()
        elif message["type"] == "http.response.body":
            await self._write(protocol, message)
        else:
            await super().handle_reply(protocol, message)

    def _to_socket(self, protocol: Any, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.close":
            protocol.sendCloseFrame(code=message.get("code", NORMAL_CLOSURE))
        elif message["type"] == "websocket.send":
            binary = message.get("text") is None
            protocol.push(message["payload"], binary=binary, most_unsent=self._most_unsent)
        elif message["type"] == READ:
            protocol.read(message["on"])

    async def _write(self, request: WebRequest, message: dict[str, Any]) -> None:
        valve = request.producer
        if message.get("more_body") and valve is None:
            valve = _Valve()
            request.registerProducer(valve, True)
        elif valve is not None and not message.get("more_body"):
            request.unregisterProducer()  # or Twisted complains at the end of the response
        await super().handle_reply(request, message)
        if valve is not None:
            await valve.open.wait()

    # -- the end

    def listen_success(self, port: Any) -> None:
        self._ports.append(port)
        self.ws_factory.protocol = Protocol  # Daphne has no seam for it; nothing was accepted before now
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
            await ended
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


class CommandLine(CommandLineInterface):  # type: ignore[misc]
    """Daphne's options; the defaults of two are raised, see the module."""

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
