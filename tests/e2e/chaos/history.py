"""What was seen: facts that the clients and the faults write down while they happen, and nobody changes afterwards.

Times are seconds since the beginning of the run, by the monotonic clock. A row's time is the database's, of the wall
clock, moved to the same scale when it is read.

Every text is sent once by one client only, so a text names its message, whatever the dialect.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that arrived. ``seq`` is None in the dialects without numbers."""

    at: float
    text: str
    seq: int | None = None


@dataclass(slots=True)
class Sent:
    """A message that a client wanted to send. ``cid`` is None in the dialects without acknowledgements."""

    text: str
    at: float
    cid: str | None = None
    acked: float | None = None
    seq: int | None = None
    #: The code of the nack by which the server refused it for good.
    refused: str | None = None
    #: It makes its consumer raise: it has to be refused, and not to be stored.
    poison: bool = False


@dataclass(slots=True)
class Life:
    """One socket, from its accepted handshake to its close."""

    id: str
    interface: str
    opened: float
    closed: float | None = None
    code: int | None = None
    #: The client closed it: it was told to, or the schedule wanted it, or nothing came for too long.
    ours: bool = False
    why: str = ""
    #: In the dialects without acknowledgements: what was sent and heard on this socket.
    sent: list[Sent] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)

    def lived(self, at: float) -> bool:
        return self.opened <= at and (self.closed is None or self.closed > at)


@dataclass(slots=True)
class Person:
    """One client: what it did on all its sockets. For v1, ``sent`` is all it said and ``shown`` all it shows."""

    name: str
    room: str
    dialect: str
    lives: list[Life] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    shown: list[Heard] = field(default_factory=list)
    #: It must have every message from this number on: set by its first welcome, and anew by a reset.
    since: int | None = None
    #: When it was told that its past is too old and to begin anew.
    resets: list[float] = field(default_factory=list)
    #: Handshakes that were refused or not answered.
    turned_away: int = 0

    def open_life(self, at: float) -> Life | None:
        return next((life for life in reversed(self.lives) if life.lived(at)), None)


@dataclass(slots=True)
class Fault:
    """Something was broken on purpose.

    ``interfaces`` are those whose sockets it may close; a fault of workers may close none. ``found`` is what the fault
    itself found wrong.
    """

    kind: str
    target: str
    began: float
    healed: float = 0.0
    #: Everybody was connected again and everything acknowledged, or we stopped waiting for it.
    settled: float = 0.0
    interfaces: frozenset[str] = frozenset()
    #: Redis lost data by it.
    forgets: bool = False
    #: Reply channels whose records Redis lost by it, within the lease of their interface, which had ended before it:
    #: nobody is left who could report these sockets.
    lost: frozenset[str] = frozenset()
    found: list[str] = field(default_factory=list)

    def near(self, at: float) -> float:
        """How far a moment is from the fault, in seconds; 0 during it."""
        return max(self.began - at, at - max(self.settled, self.healed, self.began), 0.0)


@dataclass(slots=True)
class History:
    """One run. ``start`` is when it began by the monotonic clock."""

    start: float = field(default_factory=time.monotonic)
    people: list[Person] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    ended: float = 0.0

    def now(self) -> float:
        return time.monotonic() - self.start


@dataclass(frozen=True, slots=True)
class Row:
    """A message as the database has it at the end."""

    room: str
    seq: int
    identity: str
    text: str
    at: float


@dataclass(frozen=True, slots=True)
class Journal:
    """What the consumers saw: the reply channel of each socket id whose connect ran, and the reply channels whose
    disconnect ran, as often as it did; and those that the chat still shows as present when all should be over."""

    connects: dict[str, str]
    disconnects: tuple[str, ...]
    present: tuple[str, ...] = ()
