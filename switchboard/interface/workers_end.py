"""The workers' end of one socket, without I/O: its messages, one after the other. See `connection` for the rest.

Three rules:

* One message is under way at a time, from its first enqueue until it is acknowledged; so a socket's messages are
  handled in order, whatever the number of workers. What arrives meanwhile waits (`waiting`), bounded in bytes: from
  half the bound on the client is not read. A frame for which there is no room even so, because it is long or because
  the server can't stop reading, closes the socket with 1013.
* What is not known to be on its channel is enqueued again, with backoff; what is not acknowledged after a while, too.
  The layer sees to it that this counts once.
* The disconnect is the last message, and is sent whenever the connect may have been queued, also after a refusal.

What the layer answers to an enqueue, and what follows:

======= ================================================================================================================
queued  wait for the acknowledgement; without one for long, enqueue again
full    a connect is refused with 1013; anything else is enqueued again, and the client is told so once (busy)
none    it may have happened or not: enqueue again
done    nothing yet: the acknowledgement lies in the inbox still, or is lost with what the consumer said
unknown nothing yet: the layer lost the record, or somebody took us for dead
======= ================================================================================================================

The last two raise a question that only the process can answer as a whole; see `Connection.settled`, `recovered` and
`abandon`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

from switchboard.events import Content, Envelope
from switchboard.interface.actions import Enqueue, Forget, Pause, Resume
from switchboard.interface.client_end import TRY_AGAIN_LATER, ClientEnd, Phase
from switchboard.interface.waiting import Waiting
from switchboard.layers.base import SocketState
from switchboard.names import CONNECT, DISCONNECT, RECEIVE

__all__ = ["RESEND_AFTER", "WorkersEnd"]

#: Seconds after which a message that nobody acknowledged is enqueued again.
RESEND_AFTER: Final = 30.0
#: Seconds before the first and at most before a later repetition of an enqueue that was refused or uncertain.
FIRST_BACKOFF: Final = 0.1
LONGEST_BACKOFF: Final = 5.0


class WorkersEnd(ClientEnd):
    """One of them."""

    __slots__ = (
        "_abandoned",
        "_ask_at",
        "_asking",
        "_busy_told",
        "_next_order",
        "_path",
        "_refusals",
        "_session",
        "_waiting",
        "acked",
        "leaving",
        "under_way",
        "unknown",
    )

    def __init__(self, channel: str, subprotocols: Sequence[str], path: str, buffer_bytes: int) -> None:
        super().__init__(channel, subprotocols)
        #: The message that is queued, or being queued, and not acknowledged.
        self.under_way: Envelope | None = None
        #: The highest order that was acknowledged.
        self.acked = -1
        #: The layer has no record for the message under way, and it is not decided yet what that means.
        self.unknown = False
        #: The interface ends: a queued disconnect is enough, its acknowledgement won't reach us.
        self.leaving = False
        self._abandoned = False  # acknowledgements don't reach us any more
        self._path = path
        self._waiting = Waiting(buffer_bytes)
        self._session: Content | None = None
        self._next_order = 0
        self._asking = False  # an enqueue of the message under way has not returned
        self._ask_at: float | None = None
        self._refusals = 0
        self._busy_told = False

    @property
    def buffered(self) -> int:
        """Bytes that wait behind the message under way."""
        return self._waiting.bytes

    @property
    def last_order(self) -> int:
        """The highest order that any message of this socket was given here."""
        return self._next_order - 1

    @property
    def state(self) -> SocketState | None:
        """What the layer's record should hold; None where there should be none."""
        if self._next_order == 0:
            return None
        return SocketState(self.channel, self.acked, self.acked, self._path, self._session)

    # -- one after the other

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

    # -- what the layer and the workers say to the one under way

    def _queued(self, now: float) -> None:
        assert self.under_way is not None
        if self.leaving and self.under_way.channel == DISCONNECT:
            self._forget()
        else:
            self._refusals = 0
            self._busy_told = False
            self._ask_at = now + RESEND_AFTER

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

    def _unknown(self) -> None:
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

    # -- the end

    def _forget(self) -> None:
        self.under_way = self._ask_at = None
        self.leaving = self._abandoned = True
        self._actions.append(Forget())
