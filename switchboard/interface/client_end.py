"""The client's end of one socket, without I/O: its handshake, and what it is sent. See `connection` for the rest.

What an answer asks for depends on the phase:

=========== ========================== ========================= ========================
            in the handshake           open                      closing, or gone
=========== ========================== ========================= ========================
accept      `Accept`, then open
refuse      `Deny`, then closing
send        `Accept`, `Send`, then open `Send`
close       `Deny`, then closing       `Close`, then closing
=========== ========================== ========================= ========================

An empty place: it is ignored, as a second accept is, or anything to a socket that is closing. Channels 1.x accepted
implicitly by sending, and answered a close before the accept with 403.

Some things the interface says by itself, in the words that the application gave it with the accept: the *frames*, by
name, when there is something to tell, and the *answers* to certain texts, whatever else is under way.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Mapping, Sequence
from typing import Final

from switchboard.interface.actions import Accept, Action, Close, Deny, Send
from switchboard.interface.answers import Answer
from switchboard.interface.frames import Frame

__all__ = ["ABNORMAL_CLOSURE", "MESSAGE_TOO_BIG", "SERVICE_RESTART", "TRY_AGAIN_LATER", "ClientEnd", "Phase"]

logger = logging.getLogger(__name__)

#: Close codes of the interface itself (RFC 6455 and IANA's registry).
ABNORMAL_CLOSURE: Final = 1006  # never sent: what a lost connection is reported as
MESSAGE_TOO_BIG: Final = 1009
SERVICE_RESTART: Final = 1012
TRY_AGAIN_LATER: Final = 1013


class Phase(enum.Enum):
    """Where the client's end of the socket is."""

    HANDSHAKE = "handshake"
    OPEN = "open"
    CLOSING = "closing"
    """We refused or sent a close frame; the client has not gone yet."""
    GONE = "gone"


_NONE: Final[Mapping[str, Frame]] = {}


class ClientEnd:
    """One of them. What is decided gathers in ``_actions``."""

    __slots__ = ("_actions", "_answers", "_code", "_frames", "_subprotocols", "channel", "phase")

    def __init__(self, channel: str, subprotocols: Sequence[str]) -> None:
        self.channel = channel
        self.phase = Phase.HANDSHAKE
        self._subprotocols = subprotocols
        self._frames = self._answers = _NONE
        self._code = ABNORMAL_CLOSURE
        self._actions: list[Action] = []

    # -- what an answer asks for

    def _answer(self, answer: Answer) -> None:
        # Kept as they are where possible: many sockets share them.
        if answer.frames:
            self._frames = {**self._frames, **answer.frames} if self._frames else answer.frames
        if answer.answers:
            self._answers = {**self._answers, **answer.answers} if self._answers else answer.answers
        if answer.accept is True and self.phase is Phase.HANDSHAKE:
            self._accept(self._offered(answer.subprotocol))
        elif answer.accept is False:
            self._refuse()
        if answer.frame is not None:
            self._send(answer.frame)
        if answer.close is not None:
            self._close(answer.close)

    def _accept(self, subprotocol: str | None) -> None:
        if self.phase is Phase.HANDSHAKE:
            self._actions.append(Accept(subprotocol))
            self.phase = Phase.OPEN

    def _refuse(self) -> None:
        if self.phase is Phase.HANDSHAKE:
            self._actions.append(Deny())
            self.phase = Phase.CLOSING

    def _send(self, frame: Frame) -> None:
        self._accept(None)
        if self.phase is Phase.OPEN:
            self._actions.append(Send(frame))

    def _close(self, code: int) -> None:
        self._refuse()
        if self.phase is Phase.OPEN:
            self._actions.append(Close(code))
            self.phase = Phase.CLOSING

    def _offered(self, subprotocol: str | None) -> str | None:
        if subprotocol is not None and subprotocol not in self._subprotocols:
            logger.warning("%s: subprotocol %r was not offered by the client", self.channel, subprotocol)
            return None
        return subprotocol

    # -- what the interface says by itself

    def _close_visibly(self, code: int) -> None:
        """Close, after accepting if need be: a browser shows no status of a failed handshake, but a close code.

        If it offered subprotocols and got none it would report 1006 instead (RFC 6455, 4.1).
        """
        self._accept(next(iter(self._subprotocols), None))
        self._close(code)

    def _say(self, name: str) -> None:
        if self.phase is Phase.OPEN and (frame := self._frames.get(name)):
            self._send(frame)

    def _part(self) -> None:
        """Close the socket from this side, and take it for closed: there may be nobody left to hear of it."""
        if self.phase is not Phase.GONE:
            self._close_visibly(SERVICE_RESTART)
            self._gone(SERVICE_RESTART)

    def _gone(self, code: int) -> None:
        self.phase, self._code = Phase.GONE, code
        self._subprotocols = ()  # the client may have offered thousands
