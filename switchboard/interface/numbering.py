"""One numbered group at this interface: who has what, in order, each number once. No I/O, no time.

Each member has a *position*: it has every number up to that one. A message is kept until the lowest position is above
it, and a member gets the next number whenever that is known; so it doesn't matter in which order messages, joins and
repairs come in, or how often.

* A member that joined with a base begins there. One that joined without takes up where the group is, or, where nobody
  knows that, with the first number that comes.
* Mostly all members have the same. They stand at the *front* together, where one step is a step of all, whatever their
  number; only who stands apart is counted by itself.
* A number above a position + 1 shows a gap. How long to wait for what is missing, and whom to ask, is decided
  elsewhere (`repairs`); here the answer is used: all there is after some number and up to another. What is not in it
  does not exist, unless it came by itself: then others have seen it.
* What is kept is bounded. Beyond the bound the highest numbers are dropped. That they exist stays known, in the
  *tip*, so they are brought by repair.
* The last few numbers that everybody has are kept as well, for those who join with a base that is a moment old.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final, TypeAlias

from switchboard.interface.answers import Answer

__all__ = ["Delivery", "Track"]

#: What one group may keep: messages, and bytes of their frames.
MOST_KEPT: Final = 1000
MOST_BYTES: Final = 1024 * 1024
#: What of it may be behind everybody.
MOST_RECENT: Final = 32
RECENT_BYTES: Final = 32 * 1024
#: What a message costs besides its frame.
OVERHEAD: Final = 100

#: Some members, and what they get.
Delivery: TypeAlias = tuple[Collection[str], Answer]
#: None: the message can't be read, but it has its place.
Content: TypeAlias = Answer | None


class Track:
    """The positions of one group's members, and the messages that some of them lack."""

    __slots__ = ("_apart", "_bytes", "_front", "_kept", "_together", "full", "tip")

    def __init__(self) -> None:
        #: The highest number that is known to exist.
        self.tip = -1
        #: Whether something had to be dropped that somebody lacks.
        self.full = False
        self._front = -1
        self._together: dict[str, None] = {}  # those at the front; while there is anybody, there is somebody
        self._apart: dict[str, int] = {}  # the positions of the others
        self._kept: dict[int, Content] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._together) + len(self._apart)

    def position(self, channel: str) -> int | None:
        """Up to where a member has everything; None if it is not known here."""
        return self._front if channel in self._together else self._apart.get(channel)

    @property
    def lowest(self) -> int:
        """The lowest position."""
        if self._apart:
            return min(self._front, min(self._apart.values()))
        return self._front if self._together else self.tip

    @property
    def behind(self) -> int | None:
        """The lowest position if it is below the tip."""
        lowest = self.lowest
        return lowest if lowest < self.tip else None

    # -- members

    def place(self, channel: str, base: int | None) -> list[Delivery]:
        """A member has everything up to ``base``; None: it takes up where the group is, if that is known.

        For one that is here already, the higher of both positions holds.
        """
        if base is None:
            if not self._together:
                return []
            base = max([self._front, *self._apart.values()])
        before = self.position(channel)
        if before is None or before < base:
            self._together.pop(channel, None)
            self._apart[channel] = base
            self._regroup()
        return self._advance()

    def remove(self, channel: str) -> None:
        self._together.pop(channel, None)
        self._apart.pop(channel, None)
        self._regroup()
        self._prune()

    # -- messages

    def message(self, seq: int, content: Content, members: Collection[str]) -> list[Delivery]:
        """A message came in. ``members`` are all of the group's: who had no position yet begins with it."""
        if len(members) > len(self):
            for channel in members:
                if channel not in self._together:
                    self._apart.setdefault(channel, seq - 1)
            self._regroup()
        self.tip = max(self.tip, seq)
        self._keep(seq, content)
        return self._advance()

    def told(self, seq: int) -> None:
        """Somebody said that the number ``seq`` exists."""
        if self._together:
            self.tip = max(self.tip, seq)

    def fill(self, after: int, rows: Mapping[int, Content], upto: int) -> list[Delivery]:
        """``rows`` are all messages there are after the number ``after`` and up to ``upto``."""
        between = {seq: content for seq, content in self._kept.items() if after < seq <= upto}
        between.update((seq, content) for seq, content in rows.items() if after < seq <= upto)
        order = sorted(between)

        def step(position: int) -> tuple[int, list[Content]]:
            if not after <= position < upto:
                return position, []
            return upto, [between[seq] for seq in order[bisect_right(order, position) :]]

        deliveries = self._step(step)
        self.tip = max(self.tip, upto)
        return deliveries + self._advance()

    def give_up(self) -> list[Delivery]:
        """What nobody could bring is taken for not existing."""
        return self.fill(self.lowest, {}, self.tip)

    # -- inside

    def _advance(self) -> list[Delivery]:
        """Give every member what comes next for it and is known."""

        def step(position: int) -> tuple[int, list[Content]]:
            contents = []
            while position + 1 in self._kept:
                position += 1
                contents.append(self._kept[position])
            return position, contents

        deliveries = self._step(step)
        self._prune()
        return deliveries

    def _step(self, step: Callable[[int], tuple[int, list[Content]]]) -> list[Delivery]:
        """``step`` tells where a position leads to, and what is given on the way."""
        deliveries: list[Delivery] = []
        if self._together:
            self._front, contents = step(self._front)
            deliveries = [(tuple(self._together), content) for content in contents if content is not None]
        if self._apart:
            for channel, position in self._apart.items():
                self._apart[channel], contents = step(position)
                deliveries += [((channel,), content) for content in contents if content is not None]
            self._regroup()
        return deliveries

    def _regroup(self) -> None:
        """Join those who stand where the others do. If all are gone who stood together, the highest lead."""
        if not self._apart:
            return
        if not self._together:
            self._front = max(self._apart.values())
        for channel in [channel for channel, position in self._apart.items() if position == self._front]:
            del self._apart[channel]
            self._together[channel] = None

    def _keep(self, seq: int, content: Content) -> None:
        if seq > self.lowest and seq not in self._kept:
            self._kept[seq] = content
            self._bytes += _cost(content)

    def _prune(self) -> None:
        lowest = self.lowest
        self._drop([seq for seq in self._kept if seq <= lowest - MOST_RECENT])
        if self._bytes > RECENT_BYTES:
            self._drop([seq for seq in self._kept if seq <= lowest])
        self.full = False
        while len(self._kept) > MOST_KEPT or self._bytes > MOST_BYTES:
            self._drop([max(self._kept)])
            self.full = True

    def _drop(self, numbers: Iterable[int]) -> None:
        for seq in numbers:
            self._bytes -= _cost(self._kept.pop(seq))


def _cost(content: Content) -> int:
    return OVERHEAD + (len(content.frame.payload) if content is not None and content.frame is not None else 0)
