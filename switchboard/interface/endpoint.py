"""The server's end of one socket, with which the hub speaks directly: see `wire`.

Autobahn, on which Daphne stands, makes a frame of every message anew, and Twisted writes it at a later turn of the
loop, after telling epoll twice. Here

* **a frame is sent as it is encoded** (`Frame.raw`), past Autobahn's sending half. Daphne negotiates no compression, so
  nothing stands between a frame and its bytes;
* **what is said in one turn of the loop leaves at its end**, in one piece: a batch of the inbox may have several
  frames for a socket, and a system call costs more than all that is done about a frame before;
* **it is written straight to the socket** as long as nothing written before waits in Twisted. What the kernel does not
  take goes the usual way, and so does everything under TLS.

What Autobahn sends by itself (pings, pongs, close frames) comes after what was said before it, because all of that
passes through `sendData`.

Both directions are bounded. A client that does not read is cut off at a bound. One that sends faster than its messages
are handled is not read for a while, and what was read already stays as it came until then: one read can bring thousands
of small frames, many times what may wait behind the message under way.

An idle socket is mostly what Daphne, Autobahn and Twisted remember of its handshake; that is dropped.

A closed socket is freed by reference counts alone. The cycles that Autobahn and Daphne leave behind are broken here,
and the one of Twisted's HTTP connection in `server`; they would keep 12 KB a socket until the garbage collector runs,
which it does seldom (`garbage`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any, Final

from daphne.ws_protocol import WebSocketProtocol
from twisted.internet.protocol import connectionDone
from twisted.internet.tcp import Connection as TcpConnection

from switchboard.interface.client_end import ABNORMAL_CLOSURE
from switchboard.interface.frames import Frame
from switchboard.interface.wire import Listener

__all__ = ["Endpoint", "Turn", "unsent"]

logger = logging.getLogger(__name__)

#: In the place of those of a handshake.
_NO_HEADERS: Final[Mapping[str, str]] = {}
#: Bytes of one socket that wait for the end of the turn. More than that gains nothing by leaving in one piece.
MOST_HELD: Final = 64 * 1024


class Turn:
    """The endpoints that have something to send at the end of this turn of the loop; ``most_unsent`` is the bound."""

    def __init__(self, most_unsent: int) -> None:
        self.most_unsent = most_unsent
        self._endpoints: list[Endpoint] = []

    def add(self, endpoint: Endpoint) -> None:
        if not self._endpoints:
            asyncio.get_running_loop().call_soon(self._end)
        self._endpoints.append(endpoint)

    def _end(self) -> None:
        endpoints, self._endpoints = self._endpoints, []
        for endpoint in endpoints:
            try:
                endpoint.flush()
            except Exception:
                # One socket's trouble must not keep a group's message from the others.
                logger.exception("%s could not be written to", endpoint)


class Endpoint(WebSocketProtocol):  # type: ignore[misc]
    """One socket, a `DirectWire`. ``factory.turn`` is set by the server."""

    # Of the class until they are needed: thousands of idle sockets each have a dictionary of what they have themselves.
    paused = False
    cut = False
    _listener: Listener | None = None
    _plain = False  # whether Twisted holds a bare TCP socket
    _held: list[bytes] | None = None
    _held_bytes = 0

    # -- what the hub says

    def hear(self, listener: Listener) -> None:
        if self.state == self.STATE_CLOSED:
            listener.lost(ABNORMAL_CLOSURE)
        else:
            self._listener = listener
            del self.application_queue  # the application's coroutine is done

    def accept(self, subprotocol: str | None) -> None:
        if self._is_asked():
            self.serverAccept(subprotocol)

    def deny(self) -> None:
        if self._is_asked():
            self.serverReject()

    def frame(self, frame: Frame) -> None:
        if self.state != self.STATE_OPEN or self.cut:
            return  # nobody is left to hear it
        raw = frame.raw
        if self._held is None:
            self._held = [raw]
            self._held_bytes = len(raw)
            self.factory.turn.add(self)
        else:
            self._held.append(raw)
            self._held_bytes += len(raw)
        if self._held_bytes > MOST_HELD:
            self.flush()

    def close(self, code: int) -> None:
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(code=code)

    def read(self, on: bool) -> None:
        self.paused = not on
        if on:
            self.transport.resumeProducing()
            # Later, since the one who says so is in the middle of what it does about another event.
            asyncio.get_running_loop().call_soon(self._read_on)
        else:
            # What the client sends stays with the kernel, which makes it wait.
            self.transport.pauseProducing()

    def _is_asked(self) -> bool:
        return self.state == self.STATE_CONNECTING and hasattr(self, "handshake_deferred")

    # -- what the client does

    def onOpen(self) -> None:
        super().onOpen()
        # What was read and written in the handshake is not looked at any more.
        self.clean_headers = self.http_headers = self.request.headers = _NO_HEADERS
        self.http_request_data = self.http_response_data = None
        self._plain = isinstance(self.transport, TcpConnection) and not self.transport.TLS
        # The HTTP connection that this one was stays with its transport: to stop and go on reading as the buffer fills
        # and empties, which is decided otherwise here.
        self.transport.unregisterProducer()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if self._listener is None:
            super().onMessage(payload, isBinary)
        else:
            self.last_ping = time.time()  # the server's next ping may wait
            self._listener.frame(payload if isBinary else payload.decode())

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        listener, self._listener = self._listener, None
        self._held = None
        super().onClose(wasClean, code, reason)
        if listener is not None:
            listener.lost(code or ABNORMAL_CLOSURE)

    def connectionLost(self, reason: Any = connectionDone) -> None:
        super().connectionLost(reason)
        # Autobahn resolves this with the protocol itself, which is a cycle.
        self.is_closed = None
        # A handshake that was never answered waits for callbacks that refer to the protocol.
        self.__dict__.pop("handshake_deferred", None)

    def consumeData(self) -> None:
        if self.state in (self.STATE_OPEN, self.STATE_CLOSING):
            while not self.paused and self.processData() and self.state != self.STATE_CLOSED:
                pass
        else:
            super().consumeData()

    def _read_on(self) -> None:
        if self.state != self.STATE_CLOSED:
            self.consumeData()

    # While it is not read its pongs aren't either, and silence proves nothing.

    def check_timeouts(self) -> None:
        if self.paused:
            self.last_ping = time.time()
        super().check_timeouts()

    def onAutoPingTimeout(self) -> None:
        if not self.paused:
            super().onAutoPingTimeout()

    # -- writing

    def flush(self) -> None:
        """Write what was said in this turn."""
        if self._held is not None:
            held, self._held = self._held, None
            self._write(held[0] if len(held) == 1 else b"".join(held))

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        self.flush()
        super().sendData(data, sync, chopsize)

    def _closeConnection(self, abort: bool = False) -> None:
        self.flush()
        super()._closeConnection(abort)

    def _write(self, data: bytes) -> None:
        transport = self.transport
        # What `unsent` counts, only whether there is any: this is done for each member of a group.
        if self._plain and not transport.dataBuffer and not transport._tempDataBuffer:
            try:
                sent = transport.socket.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                sent = 0  # Twisted meets the same when it writes, and knows what to do about it
            if sent == len(data):
                return
            data = data[sent:]
        transport.write(data)
        most = self.factory.turn.most_unsent
        if unsent(transport) > most and not self._written(most):
            logger.warning("%s does not read what it is sent; it is cut off", self.client_addr)
            self.cut = True
            transport.abortConnection()

    def _written(self, most: int) -> bool:
        """Write now, not at the loop's next turn: much may be sent in one turn to a client that reads well."""
        before = most + 1
        write = getattr(self.transport, "doWrite", None)  # TLS has none, there the bound holds for each turn
        while write is not None and most < unsent(self.transport) != before:
            before = unsent(self.transport)
            write()
        return unsent(self.transport) <= most


def unsent(transport: Any) -> int:
    """Bytes that Twisted holds until the client reads. It has no public word for it: these are the fields of
    `twisted.internet.abstract.FileDescriptor`, and under TLS of `TLSMemoryBIOProtocol` above it."""
    encrypted = getattr(transport, "_appSendBuffer", None)
    if encrypted is not None:
        return sum(map(len, encrypted)) + unsent(transport.transport)
    return len(transport.dataBuffer) - transport.offset + transport._tempDataLen  # type: ignore[no-any-return]
