"""The protocol of one socket, without I/O: events in, actions out.

Each method is an event: the client sent a frame, the layer took a message, a worker handled it, time has passed. It
returns what is to be done now. Nothing here waits or fails, so every order of events can be tried.

Two things go on side by side. **The client's end**, the handshake and the frames to the client, is `client_end`. **The
messages to the workers** follow three rules:

* One message is under way at a time, from its first enqueue until it is acknowledged; so a socket's messages are
  handled in order, whatever the number of workers. What arrives meanwhile waits (`waiting`), bounded in bytes: near the
  bound the client is not read, and beyond it, or where the server can't stop reading, the socket is closed with 1013.
* What is not known to be on its channel is enqueued again, with backoff; what is not acknowledged after a while, too.
  The layer sees to it that this counts once.
* The disconnect is the last message, and is sent whenever the connect may have been queued, also after a refusal.

Two answers of the layer end nothing, since they raise a question which only the process can answer as a whole. *Done*:
the acknowledgement lies in the inbox still, or is lost with what the consumer said; `settled` says which. *Unknown*:
the layer lost the record, or somebody took us for dead; `recovered` or `abandon` follows.

A text for which the application left an answer is answered here and becomes no message.

A closed socket lives on here until its disconnect has been handled; then it asks to be forgotten.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from switchboard.events import Content, Envelope
from switchboard.interface.actions import Action, Enqueue, Forget, Pause, Resume
from switchboard.interface.answers import Answer
from switchboard.interface.client_end import (
    ABNORMAL_CLOSURE,
    MESSAGE_TOO_BIG,
    SERVICE_RESTART,
    TRY_AGAIN_LATER,
    ClientEnd,
    Phase,
)
from switchboard.interface.waiting import Waiting
from switchboard.layers.base import Enqueued, Receipt, SocketState
from switchboard.names import CONNECT, DISCONNECT, RECEIVE

__all__ = ["ABNORMAL_CLOSURE", "Connection", "Limits", "Opening", "Phase"]

#: Seconds after which a message that nobody acknowledged is enqueued again.
RESEND_AFTER: Final = 30.0
#: Seconds before the first and at most before a later repetition of an enqueue that was refused or uncertain.
FIRST_BACKOFF: Final = 0.1
LONGEST_BACKOFF: Final = 5.0


@dataclass(frozen=True, slots=True)
class Opening:
    """A handshake: ``content`` is the connect message without order and reply channel."""

    path: str
    content: Content
    subprotocols: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """From the settings: seconds until a handshake must be answered, bytes that may wait."""

    connect_timeout: float
    buffer_bytes: int


class Connection(ClientEnd):
    """One socket. ``now`` is any clock's time in seconds, always the same clock's."""

    __slots__ = (
        "_abandoned",
        "_answer_by",
        "_ask_at",
        "_asking",
        "_busy_told",
        "_next_order",
        "_opening",
        "_path",
        "_refusals",
        "_session",
        "_waiting",
        "acked",
        "leaving",
        "limits",
        "under_way",
        "unknown",
    )

    def __init__(self, channel: str, opening: Opening, limits: Limits) -> None:
        super().__init__(channel, opening.subprotocols)
        self.limits = limits
        #: The message that is queued, or being queued, and not acknowledged.
        self.under_way: Envelope | None = None
        #: The highest order that was acknowledged.
        self.acked = -1
        #: The layer has no record for the message under way, and it is not decided yet what that means.
        self.unknown = False
        self._opening: Opening | None = opening
        self._path = opening.path
        self._waiting = Waiting(limits.buffer_bytes)
        self._next_order = 0
        self._answer_by: float | None = None
        self._ask_at: float | None = None
        self._asking = False  # an enqueue of the message under way has not returned
        self._refusals = 0
        self._session: Content | None = None
        self._busy_told = False
        #: The interface ends: a queued disconnect is enough, its acknowledgement won't reach us.
        self.leaving = False
        self._abandoned = False  # acknowledgements don't reach us any more

    @property
    def buffered(self) -> int:
        """Bytes that wait behind the message under way."""
        return self._waiting.bytes

    # -- from the client

    def opened(self, now: float) -> list[Action]:
        """The handshake began. To be called once, first of all."""
        assert self._opening is not None
        self._answer_by = now + self.limits.connect_timeout
        # From here on the headers are the message's alone, and gone with it.
        content, self._opening = self._opening.content, None
        self._begin(CONNECT, content)
        return self._taken()

    def frame(self, data: str | bytes) -> list[Action]:
        """The client sent a data frame."""
        if self.phase is not Phase.OPEN or self._abandoned:
            return self._taken()  # it was told that nothing is heard any more
        if isinstance(data, str) and (answer := self._answers.get(data)):
            self._send(answer)
            return self._taken()
        size = _size(data)
        if size > self.limits.buffer_bytes:
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
            _OUTCOMES[receipt.outcome](self, now)
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
    def last_order(self) -> int:
        """The highest order that any message of this socket was given here."""
        return self._next_order - 1

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

    @property
    def state(self) -> SocketState | None:
        """What the layer's record should hold; None where there should be none."""
        if self._next_order == 0:
            return None
        return SocketState(self.channel, self.acked, self.acked, self._path, self._session)

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

        It may overtake the message under way, whose fate nobody here can learn.
        """
        if not self._abandoned:
            self.leaving = self._abandoned = True
            self._part()
            self._waiting.clear()
            self._asking = False
            if self.unknown:
                self._forget()  # whoever took us for dead has reported it
            elif self.under_way is not None and self.under_way.channel == DISCONNECT:
                self._ask()
            else:
                self.under_way = None
                self._advance()
        return self._taken()

    # -- the messages to the workers

    def _concerns(self, order: int) -> bool:
        return self.under_way is not None and self.under_way.order == order

    def _wait(self, content: Content, size: int) -> None:
        paused = self._waiting.paused
        self._waiting.put(content, size)
        if self._waiting.paused is not paused:
            self._actions.append(Pause())

    def _close(self, code: int) -> None:
        if self.phase is Phase.OPEN and self._waiting.paused:
            self._waiting.paused = False
            self._actions.append(Resume())  # or the client's own close is not heard
        super()._close(code)

    def _advance(self) -> None:
        """Begin the next message, if none is under way."""
        if self.under_way is not None:
            return
        if self._waiting:
            paused = self._waiting.paused
            content = self._waiting.take()
            if self._waiting.paused is not paused:
                self._actions.append(Resume())
            self._begin(RECEIVE, {"path": self._path, **content})
        elif self.phase is Phase.GONE:
            if self._next_order == 0:
                self._forget()
            else:
                self._begin(DISCONNECT, {"path": self._path, "code": self._code})

    def _begin(self, channel: str, content: Content) -> None:
        order = self._next_order
        self._next_order += 1
        self.under_way = Envelope(
            channel,
            id=f"{self.channel}/{order}",
            content={**content, "order": order, "reply_channel": self.channel},
            socket=self.channel,
            order=order,
        )
        self._refusals = 0
        self._busy_told = False
        self._asking = False
        self._ask()

    def _ask(self) -> None:
        self._ask_at = None
        if not self._asking and self.under_way is not None:
            self._asking = True
            self._actions.append(Enqueue(self.under_way))

    def _queued(self, now: float) -> None:
        assert self.under_way is not None
        if self.leaving and self.under_way.channel == DISCONNECT:
            self._forget()
        else:
            self._refusals = 0
            self._busy_told = False
            self._ask_at = now + RESEND_AFTER

    def _handled(self, now: float) -> None:
        """Nothing yet: see `settled`."""

    def _done(self, session: Content | None) -> None:
        assert self.under_way is not None and self.under_way.order is not None
        self.acked = self.under_way.order
        self._session = self._session if session is None else session
        last = self.under_way.channel == DISCONNECT
        self.under_way = self._ask_at = None
        if last:
            self._forget()
        else:
            self._advance()

    def _unknown(self, now: float) -> None:
        if self._abandoned:
            self._forget()  # whoever took us for dead has reported it
        else:
            self.unknown = True

    def _full(self, now: float) -> None:
        assert self.under_way is not None
        if self.under_way.channel == CONNECT:
            # Certainly not queued, so no consumer knows of it and none needs a disconnect.
            self.under_way, self._next_order = None, 0
            self._close_visibly(TRY_AGAIN_LATER)
            self._advance()
        else:
            self._back_off(now)
            if not self._busy_told:
                self._busy_told = True
                self._say("busy")

    def _back_off(self, now: float) -> None:
        delay = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(self._refusals, 10))
        self._refusals += 1
        # Many sockets are refused at the same moment; they must not all come back at the same moment.
        self._ask_at = now + delay * (0.5 + random.random() / 2)  # noqa: S311

    def _forget(self) -> None:
        self.under_way = self._ask_at = self._answer_by = None
        self.leaving = self._abandoned = True
        self._actions.append(Forget())

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


_OUTCOMES: Final = {
    Enqueued.QUEUED: Connection._queued,
    Enqueued.DONE: Connection._handled,
    Enqueued.UNKNOWN: Connection._unknown,
    Enqueued.FULL: Connection._full,
}
