"""All sockets of the process: what their connections decide is done here, and their timers are kept.

A socket is known from its handshake until its connection asks to be forgotten, which is later than its close: the
buffer and the disconnect belong to this process, not to the coroutine that Daphne runs for the socket and kills 10
seconds after the close.

Clients may leave faster than workers report their disconnects, and a closed socket holds no descriptor that would limit
their number. So what closed sockets hold is bounded in bytes; beyond the bound new sockets are refused with 1013.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Final

from switchboard.events import Content, Envelope
from switchboard.interface.actions import Accept, Action, Close, Deny, Enqueue, Forget, Pause, Resume, Send
from switchboard.interface.answers import Answer
from switchboard.interface.client_end import Phase
from switchboard.interface.connection import Connection, Limits, Opening
from switchboard.interface.wire import ClosedWire, Wire
from switchboard.layers.base import Receipt, SocketState
from switchboard.outages import Outage
from switchboard.waiting import within

logger = logging.getLogger(__name__)

#: The part of what closed sockets may hold below which new sockets are let in again. At the bound itself they would be
#: refused and let in by turns, with a line in the log each time.
LET_IN_BELOW: Final = 3 / 4
#: What a closed socket takes besides its contents, in bytes (measured with its disconnect under way: 1.6 KB).
CLOSED_SOCKET_OVERHEAD: Final = 2048

_CLOSED: Final[Wire] = ClosedWire()


class Socket:
    """One connection, what it speaks through, and its alarm; a `Listener` to the server.

    Deadlines move with every frame. The alarm does not: it rings where it was set, and is set anew if it rang early.
    """

    __slots__ = ("_alarm", "_sockets", "closed_bytes", "connection", "wire")

    def __init__(self, connection: Connection, wire: Wire, sockets: Sockets) -> None:
        self.connection = connection
        self.wire = wire
        self._sockets = sockets
        self._alarm: asyncio.TimerHandle | None = None
        #: What it counts in `Sockets.closed_bytes`; 0 while the client is there.
        self.closed_bytes = 0

    # -- from the client

    def frame(self, data: str | bytes) -> None:
        self.perform(self.connection.frame(data))

    def lost(self, code: int) -> None:
        """May be said more than once; the first time counts."""
        self.wire = _CLOSED
        if self._sockets.knows(self):
            self._sockets.gone(self.connection.channel)
            self._sockets.count_closed(self)
            self.perform(self.connection.lost(code))

    # -- to the client, to the layer

    def perform(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Send(frame):
                    self.wire.frame(frame)
                case Enqueue(envelope):
                    self._sockets.enqueue(envelope)
                case Accept(subprotocol):
                    self.wire.accept(subprotocol)
                case Close(code):
                    self.wire.close(code)
                case Deny():
                    self.wire.deny()
                case Pause():
                    self.wire.read(False)
                case Resume():
                    self.wire.read(True)
                case Forget():
                    self._sockets.forget(self)
        self._set_alarm()

    def silence(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _set_alarm(self) -> None:
        wake_at = self.connection.wake_at
        if wake_at is None or (self._alarm is not None and self._alarm.when() <= wake_at):
            return
        self.silence()
        self._alarm = asyncio.get_running_loop().call_at(wake_at, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self.perform(self.connection.timer(asyncio.get_running_loop().time()))


class Sockets:
    """The sockets by their reply channels.

    ``enqueue`` is called with each message for the layer, ``gone`` with the reply channel of each socket that closed.
    """

    def __init__(self, limits: Limits, *, enqueue: Callable[[Envelope], None], gone: Callable[[str], None]) -> None:
        self.enqueue = enqueue
        self._limits = limits
        self.gone = gone
        #: Bytes held by sockets whose client is gone.
        self.closed_bytes = 0
        self._overloaded = False
        self._overload = Outage(logger, "new sockets are refused with 1013")
        self._sockets: dict[str, Socket] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._sockets)

    def is_open(self, channel: str) -> bool:
        """Whether the client is still there, or still in its handshake."""
        socket = self._sockets.get(channel)
        return socket is not None and socket.connection.phase is not Phase.GONE

    def knows(self, socket: Socket) -> bool:
        """Whether it has not been forgotten."""
        return self._sockets.get(socket.connection.channel) is socket

    def open(self, channel: str, opening: Opening, wire: Wire) -> Socket:
        """A handshake began. It is refused while closed sockets hold too much."""
        socket = self._sockets[channel] = Socket(Connection(channel, opening, self._limits), wire, self)
        self._empty.clear()
        if self._is_overloaded():
            self._overload.lasts(
                f"closed sockets whose disconnect no worker has handled hold {self.closed_bytes} bytes"
            )
            socket.perform(socket.connection.refuse_overload())
        else:
            self._overload.over()
            socket.perform(socket.connection.opened(_now()))
        return socket

    def _is_overloaded(self) -> bool:
        if self._overloaded:
            self._overloaded = self.closed_bytes > LET_IN_BELOW * self._limits.closed_bytes
        else:
            self._overloaded = self.closed_bytes > self._limits.closed_bytes
        return self._overloaded

    # -- from the layer

    def enqueued(self, envelope: Envelope, receipt: Receipt | None) -> None:
        """See `Connection.enqueued`; None: the layer did not answer."""
        assert envelope.socket is not None and envelope.order is not None
        if socket := self._sockets.get(envelope.socket):
            if receipt is None:
                socket.perform(socket.connection.unavailable(envelope.order, _now()))
            else:
                socket.perform(socket.connection.enqueued(envelope.order, receipt, _now()))

    def settled(self, channel: str, order: int, session: Content | None) -> None:
        """See `Connection.settled`."""
        if socket := self._sockets.get(channel):
            socket.perform(socket.connection.settled(order, session))

    def last_order(self, channel: str) -> int | None:
        """See `Connection.last_order`; None if there is no such socket."""
        socket = self._sockets.get(channel)
        return socket.connection.last_order if socket else None

    def is_reported(self, channel: str) -> bool:
        """The layer has no record of a socket but has lost nothing. True: because it is at its end, which is handled,
        or it is not here at all. False: because somebody took us for dead."""
        socket = self._sockets.get(channel)
        if socket is None or not socket.connection.unknown:
            return True
        if socket.connection.phase is not Phase.GONE:
            return False
        socket.perform(socket.connection.recovered(data_lost=False))
        return channel not in self._sockets

    def takes(self, channel: str, order: int | None) -> bool:
        """See `Connection.takes`."""
        socket = self._sockets.get(channel)
        return socket is not None and socket.connection.takes(order)

    def answer(self, channel: str, answer: Answer) -> bool:
        """False if there is no such socket."""
        socket = self._sockets.get(channel)
        if socket is not None:
            socket.perform(socket.connection.answered(answer))
        return socket is not None

    def answer_all(self, channels: Iterable[str], answer: Answer) -> None:
        """What a group was sent, to its members."""
        frame = answer.only_frame
        for channel in channels:
            socket = self._sockets.get(channel)
            if socket is None:
                continue
            if frame is not None and socket.connection.phase is Phase.OPEN:
                socket.wire.frame(frame)  # what `Connection.answered` would say, without the way there and back
            else:
                socket.perform(socket.connection.answered(answer))

    def acknowledge(self, channel: str, order: int, *, failed: bool, session: Content | None) -> None:
        if socket := self._sockets.get(channel):
            socket.perform(socket.connection.acknowledged(order, failed=failed, session=session))

    # -- all of them

    def again(self) -> None:
        """Enqueue everything that is under way again."""
        for socket in tuple(self._sockets.values()):
            socket.perform(socket.connection.again())

    def states(self) -> Sequence[SocketState]:
        """What the layer's records should hold."""
        states = (socket.connection.state for socket in self._sockets.values())
        return [state for state in states if state is not None]

    def recovered(self, *, data_lost: bool) -> None:
        """See `Connection.recovered`."""
        for socket in tuple(self._sockets.values()):
            socket.perform(socket.connection.recovered(data_lost=data_lost))

    def tell(self, name: str) -> None:
        """See `Connection.told`."""
        for socket in tuple(self._sockets.values()):
            socket.perform(socket.connection.told(name))

    def leave(self, most: int | None = None) -> bool:
        """Close all, or ``most`` of those that are open; see `Connection.leave`. Whether any was left to close."""
        staying = [(name, socket) for name, socket in self._sockets.items() if not socket.connection.leaving]
        for channel, socket in islice(staying, most):
            self.gone(channel)
            socket.perform(socket.connection.leave())
        return bool(staying)

    def abandon(self) -> None:
        """Close all; see `Connection.abandon`."""
        for channel, socket in tuple(self._sockets.items()):
            self.gone(channel)
            socket.perform(socket.connection.abandon())

    async def wait_empty(self, timeout: float) -> bool:
        """Whether all were forgotten within ``timeout`` seconds."""
        return await within(self._empty, timeout)

    def drop(self) -> None:
        """Forget all, whatever they still had to say."""
        for socket in tuple(self._sockets.values()):
            self.forget(socket)

    def count_closed(self, socket: Socket) -> None:
        """Count what a socket holds whose client is gone, until it is forgotten; only once."""
        if not socket.closed_bytes:
            socket.closed_bytes = CLOSED_SOCKET_OVERHEAD + socket.connection.held_bytes
            self.closed_bytes += socket.closed_bytes

    def forget(self, socket: Socket) -> None:
        socket.silence()
        self.closed_bytes -= socket.closed_bytes
        socket.closed_bytes = 0
        self._sockets.pop(socket.connection.channel, None)
        if not self._sockets:
            self._empty.set()


def _now() -> float:
    return asyncio.get_running_loop().time()
