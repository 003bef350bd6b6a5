"""The protocol of one socket, without I/O: events in, actions out.

Each method is an event: the client sent a frame, the layer took a message, a worker handled it, time has passed. It
returns what is to be done now. Nothing here waits or fails, so every order of events can be tried.

Two things go on side by side. **The handshake and the frames to the client** follow `_MOVES`, a table. **The messages
to the workers** follow three rules:

* One message is under way at a time, from its first enqueue until it is acknowledged; so a socket's messages are
  handled in order, whatever the number of workers. What arrives meanwhile waits, bounded in bytes: from half the bound
  the client is not read until little is left, and beyond the bound, which what was read already may reach, or where the
  server can't stop reading, the socket is closed with 1013.
* What is not known to be on its channel is enqueued again, with backoff; what is not acknowledged after a while, too.
  The layer sees to it that this counts once.
* The disconnect is the last message, and is sent whenever the connect may have been queued, also after a refusal.

Two answers of the layer end nothing, since they raise a question which only the process can answer as a whole. *Done*:
the acknowledgement lies in the inbox still, or is lost with what the consumer said; `settled` says which. *Unknown*:
the layer lost the record, or somebody took us for dead; `recovered` or `abandon` follows.

A closed socket therefore lives on here until its disconnect has been handled; then it asks to be forgotten.
"""

from __future__ import annotations

import enum
import logging
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from switchboard.events import Content, Envelope
from switchboard.interface.actions import Accept, Action, Close, Deny, Enqueue, Forget, Pause, Resume, Send
from switchboard.interface.answers import Answer
from switchboard.interface.frames import Frame
from switchboard.layers.base import Enqueued, Receipt, SocketState
from switchboard.names import CONNECT, DISCONNECT, RECEIVE

logger = logging.getLogger(__name__)

#: Close codes of the interface itself (RFC 6455 and IANA's registry).
ABNORMAL_CLOSURE: Final = 1006  # never sent: what a lost connection is reported as
MESSAGE_TOO_BIG: Final = 1009
SERVICE_RESTART: Final = 1012
TRY_AGAIN_LATER: Final = 1013

#: Seconds after which a message that nobody acknowledged is enqueued again.
RESEND_AFTER: Final = 30.0
#: Seconds before the first and at most before a later repetition of an enqueue that was refused or uncertain.
FIRST_BACKOFF: Final = 0.1
LONGEST_BACKOFF: Final = 5.0
#: Parts of the bound on what waits: from the first on the client is not read, below the second it is read again.
PAUSE_AT: Final = 1 / 2
RESUME_AT: Final = 1 / 4
#: What a waiting frame costs besides its payload, in bytes; otherwise empty frames would be free.
FRAME_OVERHEAD: Final = 128


# -- the handshake and the frames to the client


class Phase(enum.Enum):
    """Where the client's end of the socket is."""

    HANDSHAKE = "handshake"
    OPEN = "open"
    CLOSING = "closing"
    """We refused or sent a close frame; the client has not gone yet."""
    GONE = "gone"


class _Part(enum.Enum):
    """What an answer may ask for."""

    ACCEPT = enum.auto()
    REFUSE = enum.auto()
    FRAME = enum.auto()
    CLOSE = enum.auto()


#: What a part of an answer does in a phase: the actions it stands for, and the phase that follows. What is not here is
#: ignored: a second accept, or anything to a socket that is closing. 1.x accepted implicitly by sending, and answered
#: a close before the accept with 403.
_MOVES: Final[dict[tuple[Phase, _Part], tuple[tuple[type[Action], ...], Phase]]] = {
    (Phase.HANDSHAKE, _Part.ACCEPT): ((Accept,), Phase.OPEN),
    (Phase.HANDSHAKE, _Part.REFUSE): ((Deny,), Phase.CLOSING),
    (Phase.HANDSHAKE, _Part.FRAME): ((Accept, Send), Phase.OPEN),
    (Phase.HANDSHAKE, _Part.CLOSE): ((Deny,), Phase.CLOSING),
    (Phase.OPEN, _Part.FRAME): ((Send,), Phase.OPEN),
    (Phase.OPEN, _Part.CLOSE): ((Close,), Phase.CLOSING),
}


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


class Connection:
    """One socket. ``now`` is any clock's time in seconds, always the same clock's."""

    __slots__ = (
        "_abandoned",
        "_actions",
        "_answer_by",
        "_ask_at",
        "_asking",
        "_busy_told",
        "_code",
        "_frames",
        "_next_order",
        "_opening",
        "_paused",
        "_refusals",
        "_session",
        "_waiting",
        "acked",
        "buffered",
        "channel",
        "leaving",
        "limits",
        "phase",
        "under_way",
        "unknown",
    )

    def __init__(self, channel: str, opening: Opening, limits: Limits) -> None:
        self.channel = channel
        self.limits = limits
        self.phase = Phase.HANDSHAKE
        #: The message that is queued, or being queued, and not acknowledged.
        self.under_way: Envelope | None = None
        #: Bytes that wait behind it.
        self.buffered = 0
        #: The highest order that was acknowledged.
        self.acked = -1
        #: The layer has no record for the message under way, and it is not decided yet what that means.
        self.unknown = False
        self._opening = opening
        self._waiting: deque[tuple[Content, int]] = deque()
        self._frames: dict[str, Frame] = {}
        self._next_order = 0
        self._code = ABNORMAL_CLOSURE
        self._answer_by: float | None = None
        self._ask_at: float | None = None
        self._asking = False  # an enqueue of the message under way has not returned
        self._refusals = 0
        self._session: Content | None = None
        self._paused = False
        self._busy_told = False
        #: The interface ends: a queued disconnect is enough, its acknowledgement won't reach us.
        self.leaving = False
        self._abandoned = False  # acknowledgements don't reach us any more
        self._actions: list[Action] = []

    # -- from the client

    def opened(self, now: float) -> list[Action]:
        """The handshake began."""
        self._answer_by = now + self.limits.connect_timeout
        self._begin(CONNECT, self._opening.content)
        return self._taken()

    def frame(self, data: str | bytes) -> list[Action]:
        """The client sent a data frame."""
        size = len(data.encode(errors="surrogatepass") if isinstance(data, str) else data)
        if self.phase is not Phase.OPEN or self._abandoned:
            pass  # it was told that nothing is heard any more
        elif size > self.limits.buffer_bytes:
            self._close(MESSAGE_TOO_BIG)
        elif self.under_way and self.buffered + size + FRAME_OVERHEAD > self.limits.buffer_bytes:
            self._close(TRY_AGAIN_LATER)
        else:
            self._wait(data, size)
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
        self._frames.update(answer.frames)
        if answer.accept is not None:
            self._move(_Part.ACCEPT if answer.accept else _Part.REFUSE, subprotocol=self._offered(answer.subprotocol))
        if answer.frame is not None:
            self._move(_Part.FRAME, frame=answer.frame)
        if answer.close is not None:
            self._move(_Part.CLOSE, code=answer.close)
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
        times = [time for time in (self._answer_by, self._ask_at) if time is not None]
        return min(times, default=None)

    def timer(self, now: float) -> list[Action]:
        """Time has passed."""
        if self._answer_by is not None and now >= self._answer_by:
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
        return SocketState(self.channel, self.acked, self.acked, self._opening.path, self._session)

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
            self.buffered = 0
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

    def _wait(self, data: str | bytes, size: int) -> None:
        content = {"text": data} if isinstance(data, str) else {"bytes": data}
        self._waiting.append((content, size + FRAME_OVERHEAD))
        self.buffered += size + FRAME_OVERHEAD
        self._advance()
        if not self._paused and self.buffered > self.limits.buffer_bytes * PAUSE_AT:
            self._paused = True
            self._actions.append(Pause())

    def _read_on(self) -> None:
        if self._paused:
            self._paused = False
            self._actions.append(Resume())

    def _advance(self) -> None:
        """Begin the next message, if none is under way."""
        if self.under_way is not None:
            return
        if self._waiting:
            content, size = self._waiting.popleft()
            self.buffered -= size
            if self.buffered < self.limits.buffer_bytes * RESUME_AT:
                self._read_on()
            self._begin(RECEIVE, {"path": self._opening.path, **content})
        elif self.phase is Phase.GONE:
            if self._next_order == 0:
                self._forget()
            else:
                self._begin(DISCONNECT, {"path": self._opening.path, "code": self._code})

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

    # -- the frames to the client

    def _move(self, part: _Part, **arguments: Any) -> None:
        actions, self.phase = _MOVES.get((self.phase, part), ((), self.phase))
        for action in actions:
            taken = {name: value for name, value in arguments.items() if name in action.__slots__}
            self._actions.append(action(**taken))
        if self.phase is not Phase.HANDSHAKE:
            self._answer_by = None

    def _close(self, code: int) -> None:
        self._read_on()  # or the client's own close is not heard
        self._move(_Part.CLOSE, code=code)

    def _close_visibly(self, code: int) -> None:
        """Close, after accepting if need be: a browser shows no status of a failed handshake, but a close code.

        If it offered subprotocols and got none it would report 1006 instead (RFC 6455, 4.1).
        """
        self._move(_Part.ACCEPT, subprotocol=next(iter(self._opening.subprotocols), None))
        self._close(code)

    def _say(self, name: str) -> None:
        if self.phase is Phase.OPEN and (frame := self._frames.get(name)):
            self._move(_Part.FRAME, frame=frame)

    def _report_failure(self) -> None:
        assert self.under_way is not None
        if self.under_way.channel == CONNECT:
            if self.phase is Phase.HANDSHAKE:
                self._move(_Part.REFUSE)
        else:
            self._say("failed")

    def _offered(self, subprotocol: str | None) -> str | None:
        if subprotocol is not None and subprotocol not in self._opening.subprotocols:
            logger.warning("%s: subprotocol %r was not offered by the client", self.channel, subprotocol)
            return None
        return subprotocol

    def _part(self) -> None:
        """Close the socket from this side, and take it for closed: there may be nobody left to hear of it."""
        if self.phase is not Phase.GONE:
            self._close_visibly(SERVICE_RESTART)
            self._gone(SERVICE_RESTART)

    def _gone(self, code: int) -> None:
        self.phase, self._code, self._answer_by = Phase.GONE, code, None

    def _taken(self) -> list[Action]:
        actions, self._actions = self._actions, []
        return actions


_OUTCOMES: Final = {
    Enqueued.QUEUED: Connection._queued,
    Enqueued.DONE: Connection._handled,
    Enqueued.UNKNOWN: Connection._unknown,
    Enqueued.FULL: Connection._full,
}
