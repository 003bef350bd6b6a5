"""The protocol of one socket, without I/O: events in, actions out.

Each method is an event: the client sent a frame, the layer took a message, a worker handled it, time has passed. It
returns what is to be done now. Nothing here waits or fails, so every order of events can be tried.

Two things go on side by side. **The client's end** is `client_end`: the handshake and the frames to the client. **The
workers' end** is `workers_end`: the messages, one after the other, and what the layer says to them. Here stands what
each event means to the two.

A text for which the application left an answer is answered here and becomes no message.

A closed socket lives on here until its disconnect has been handled; then it asks to be forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from switchboard.events import Content
from switchboard.interface.actions import Action
from switchboard.interface.answers import Answer
from switchboard.interface.client_end import MESSAGE_TOO_BIG, SERVICE_RESTART, TRY_AGAIN_LATER, Phase
from switchboard.interface.workers_end import WorkersEnd
from switchboard.layers.base import Enqueued, Receipt
from switchboard.names import CONNECT, DISCONNECT, RECEIVE

__all__ = ["Connection", "Limits", "Opening"]


@dataclass(frozen=True, slots=True)
class Opening:
    """A handshake: ``content`` is the connect message without order and reply channel."""

    path: str
    content: Content
    subprotocols: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """From the settings: seconds until a handshake must be answered, bytes that may wait behind a message, bytes that
    all closed sockets may hold."""

    connect_timeout: float
    buffer_bytes: int
    closed_bytes: int


class Connection(WorkersEnd):
    """One socket. ``now`` is any clock's time in seconds, always the same clock's."""

    __slots__ = ("_answer_by", "_limits", "_opening")

    def __init__(self, channel: str, opening: Opening, limits: Limits) -> None:
        super().__init__(channel, opening.subprotocols, opening.path, limits.buffer_bytes)
        self._limits = limits
        self._opening: Opening | None = opening
        self._answer_by: float | None = None

    # -- from the client

    def opened(self, now: float) -> list[Action]:
        """The handshake began. To be called once, first of all."""
        assert self._opening is not None
        self._answer_by = now + self._limits.connect_timeout
        # From here on the headers are the message's alone, and gone with it.
        content, self._opening = self._opening.content, None
        self._begin(CONNECT, content)
        return self._taken()

    def refuse_overload(self) -> list[Action]:
        """Close with 1013, in place of `opened`: the process holds too much. No consumer hears of the socket."""
        self._opening = None
        self._close_visibly(TRY_AGAIN_LATER)
        return self._taken()

    def frame(self, data: str | bytes) -> list[Action]:
        """The client sent a data frame."""
        if self.phase is not Phase.OPEN or self._abandoned:
            return self._taken()  # it was told that nothing is heard any more
        if isinstance(data, str) and (answer := self._answers.get(data)):
            self._send(answer)
            return self._taken()
        size = _size(data)
        if size > self._limits.buffer_bytes:
            self._close(MESSAGE_TOO_BIG)
        elif self.under_way is None:
            self._begin(RECEIVE, {"path": self._path, **_received(data)})
        elif self._waiting.has_room(size):
            self._wait(_received(data), size)
        else:
            self._close(TRY_AGAIN_LATER)
        return self._taken()

    def lost(self, code: int) -> list[Action]:
        """The socket is closed, with the code by which the client closed it (1006 if it did not)."""
        if self.phase is not Phase.GONE:
            self._gone(code)
            self._advance()
        return self._taken()

    # -- from the layer

    def enqueued(self, order: int, receipt: Receipt, now: float) -> list[Action]:
        """The layer's answer to an `Enqueue`. After DONE, `settled` is to be called; after UNKNOWN, `recovered`."""
        if self._concerns(order):
            self._asking = False
            outcome = receipt.outcome
            if outcome is Enqueued.QUEUED:
                self._queued(now)
            elif outcome is Enqueued.FULL:
                self._full(now)
            elif outcome is Enqueued.UNKNOWN:
                self._unknown()
        return self._taken()

    def settled(self, order: int, session: Content | None) -> list[Action]:
        """The layer said DONE, with ``session``, and the acknowledgement is not in the inbox: it is lost, together with
        what the consumer had for this socket."""
        if self._concerns(order):
            if self.phase is Phase.HANDSHAKE:
                self._close_visibly(SERVICE_RESTART)  # the accept was in it
            self._say("resync")
            self._done(session)
        return self._taken()

    def unavailable(self, order: int, now: float) -> list[Action]:
        """An `Enqueue` had no answer: it may have happened or not."""
        if self._concerns(order):
            self._asking = False
            self._back_off(now)
        return self._taken()

    # -- from the workers

    def takes(self, order: int | None) -> bool:
        """Whether what a commit of message ``order`` has for this socket counts. None: it is from no commit."""
        return order is None or self._concerns(order)

    def answered(self, answer: Answer) -> list[Action]:
        """A consumer sent something to this socket."""
        self._answer(answer)
        return self._taken()

    def acknowledged(self, order: int, *, failed: bool = False, session: Content | None = None) -> list[Action]:
        """A worker is done with message ``order``; ``failed``: its consumer raised. ``session``: if it changed."""
        if self._concerns(order):
            if failed:
                self._report_failure()
            self._done(session)
        return self._taken()

    @property
    def held_bytes(self) -> int:
        """The memory that its contents take, about: the message under way, which may be a handshake with many headers,
        the frames behind it, and the channel session."""
        return self.buffered + _memory_of(self._session) + (_memory_of(self.under_way.content) if self.under_way else 0)

    # -- time, and the end of the interface

    @property
    def wake_at(self) -> float | None:
        """When `timer` is to be called; it may be called at other times too."""
        if self.phase is not Phase.HANDSHAKE or self._answer_by is None:
            return self._ask_at
        return self._answer_by if self._ask_at is None else min(self._answer_by, self._ask_at)

    def timer(self, now: float) -> list[Action]:
        """Time has passed."""
        if self.phase is Phase.HANDSHAKE and self._answer_by is not None and now >= self._answer_by:
            self._close_visibly(TRY_AGAIN_LATER)
        if self._ask_at is not None and now >= self._ask_at:
            self._ask()
        return self._taken()

    def again(self) -> list[Action]:
        """The layer was away: whatever is under way is enqueued again."""
        if self.under_way is not None:
            self._ask()
        return self._taken()

    def recovered(self, *, data_lost: bool) -> list[Action]:
        """What the layer holds is in order again; no enqueue is being answered any more."""
        self._asking = False
        if self.unknown and not data_lost and self.under_way is not None and self.under_way.channel == DISCONNECT:
            self._forget()  # the record went with the disconnect: it was handled
        self.unknown = False
        return self.again()

    def told(self, name: str) -> list[Action]:
        """Send the client the frame that the application gave for ``name``, if it gave one."""
        self._say(name)
        return self._taken()

    def leave(self) -> list[Action]:
        """The interface ends: close the socket, hand over what waits and the disconnect, and ask to be forgotten."""
        self.leaving = True
        self._say("moving")
        self._part()
        if self.under_way is not None and self.under_way.channel == DISCONNECT:
            self._ask()
        self._advance()
        return self._taken()

    def abandon(self) -> list[Action]:
        """Acknowledgements don't reach us any more: close the socket, drop what waits, and leave the disconnect behind.

        It may overtake the message under way, whose fate nobody here can learn. Not the connect: what that makes would
        have nobody to end it. Such a socket is left to the reaper of workers, who waits for what is under way.
        """
        if not self._abandoned:
            self.leaving = self._abandoned = True
            self._part()
            self._waiting.clear()
            self._asking = False
            channel = None if self.under_way is None else self.under_way.channel
            if self.unknown or channel == CONNECT:
                self._forget()  # whoever takes us for dead reports it, or has
            elif channel == DISCONNECT:
                self._ask()
            else:
                self.under_way = None
                self._advance()
        return self._taken()

    def _report_failure(self) -> None:
        assert self.under_way is not None
        if self.under_way.channel == CONNECT:
            self._refuse()
        else:
            self._say("failed")

    def _taken(self) -> list[Action]:
        actions, self._actions = self._actions, []
        return actions


def _received(data: str | bytes) -> Content:
    return {"text": data} if isinstance(data, str) else {"bytes": data}


def _size(data: str | bytes) -> int:
    if isinstance(data, bytes) or data.isascii():
        return len(data)
    return len(data.encode(errors="surrogatepass"))


def _memory_of(content: Any) -> int:
    """Bytes, about, that CPython takes for what can travel in a message."""
    size, rest = 0, [content]
    while rest:
        value = rest.pop()
        if isinstance(value, str | bytes):
            size += 56 + len(value)
        elif isinstance(value, Mapping):
            size += 64
            rest += [*value, *value.values()]
        elif isinstance(value, list | tuple):
            size += 56
            rest += value
        else:
            size += 32
    return size
