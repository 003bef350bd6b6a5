"""What a socket's protocol decides, for somebody else to do: see `connection`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from switchboard.events import Envelope
from switchboard.interface.frames import Frame

__all__ = ["Accept", "Action", "Close", "Deny", "Enqueue", "Forget", "Pause", "Resume", "Send"]


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Put ``envelope`` on its channel and report the outcome to `Connection.enqueued` or `unavailable`."""

    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Accept:
    """Answer the handshake with 101."""

    subprotocol: str | None = None


@dataclass(frozen=True, slots=True)
class Deny:
    """Answer the handshake with 403."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send a data frame."""

    frame: Frame


@dataclass(frozen=True, slots=True)
class Close:
    """Send a close frame."""

    code: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop reading from the client."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Read on."""


@dataclass(frozen=True, slots=True)
class Forget:
    """Nothing more will come from this connection, and nothing is expected any more."""


Action: TypeAlias = Enqueue | Accept | Deny | Send | Close | Pause | Resume | Forget
