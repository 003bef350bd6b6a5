"""When to ask for the messages that numbered groups lack: patience, retries, pacing. No I/O; the time is given.

A group that is behind its tip gets a second: mostly the missing message is just being overtaken. Then the channel
``group.repair`` is asked, once at a time for each group, and for a few groups at a time: after a recovery all of
them are in doubt. An answer that brought something but not all is followed by the next question at once; no answer,
or one that brought nothing, by another try, later each time. When nothing has moved for `GIVE_UP_AFTER` although the
layer took the questions, there is nobody who could answer: the gap is closed as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

__all__ = ["Repairs"]

#: Seconds that a gap is given to close by itself.
GAP_PATIENCE: Final = 1.0
#: Seconds within which an answer is expected first, and at most: a question waits in its channel like any message.
FIRST_PATIENCE: Final = 5.0
LONGEST_PATIENCE: Final = 20.0
#: Seconds without any progress after which a gap is given up. Longer than a minute without workers, which is to be
#: survived.
GIVE_UP_AFTER: Final = 90.0
#: Groups for which a question is under way at a time.
MOST_ASKED: Final = 8


class _Gap:
    """One group that is behind, or in doubt."""

    __slots__ = ("asked", "at", "doubtful", "first_asked", "next", "tries")

    def __init__(self, at: int | None, now: float, *, doubtful: bool = False) -> None:
        self.at = at
        self.doubtful = doubtful
        self.asked = False
        #: When to ask, or if it was asked, when to ask again.
        self.next = now if doubtful else now + GAP_PATIENCE
        self.tries = 0
        self.first_asked: float | None = None

    def moved(self, at: int | None, now: float) -> None:
        self.at = at
        self.tries = 0
        self.first_asked = None
        if not self.asked and not self.doubtful:
            self.next = now + GAP_PATIENCE


class Repairs:
    """The gaps of all groups."""

    def __init__(self) -> None:
        self._gaps: dict[str, _Gap] = {}
        self._asked = 0

    def __len__(self) -> int:
        return len(self._gaps)

    def note(self, group: str, behind: int | None, now: float, *, urgent: bool = False) -> None:
        """Where a group is stuck after something happened; None: nowhere. ``urgent``: ask without patience."""
        gap = self._gaps.get(group)
        if behind is None and not (gap and gap.doubtful):
            self.forget(group)
            return
        if gap is None:
            gap = self._gaps[group] = _Gap(behind, now)
        elif behind != gap.at:
            gap.moved(behind, now)
        if urgent and not gap.asked and gap.tries == 0:
            gap.next = now

    def doubt(self, group: str, behind: int | None, now: float) -> None:
        """Messages may have been lost without a trace; ask in any case."""
        self.forget(group)
        self._gaps[group] = _Gap(behind, now, doubtful=True)

    def forget(self, group: str) -> None:
        """Nobody is interested any more."""
        gap = self._gaps.pop(group, None)
        if gap is not None and gap.asked:
            self._asked -= 1

    # -- questions

    @property
    def wake_at(self) -> float | None:
        """When `due` may have something."""
        room = self._asked < MOST_ASKED
        return min((gap.next for gap in self._gaps.values() if gap.asked or room), default=None)

    def due(self, now: float) -> Iterator[str]:
        """The groups to ask for. Each counts as asked; if it can't be, say so with `failed`."""
        for group, gap in tuple(self._gaps.items()):
            if gap.asked and now >= gap.next:
                gap.asked = False
                self._asked -= 1
            if not gap.asked and now >= gap.next and self._asked < MOST_ASKED:
                gap.asked = True
                self._asked += 1
                gap.first_asked = now if gap.first_asked is None else gap.first_asked
                gap.next = now + min(LONGEST_PATIENCE, FIRST_PATIENCE * 2.0**gap.tries)
                gap.tries += 1
                yield group

    def hopeless(self, now: float) -> list[str]:
        """Groups to give up. They are forgotten."""
        groups = [
            group
            for group, gap in self._gaps.items()
            if gap.first_asked is not None and now - gap.first_asked >= GIVE_UP_AFTER
        ]
        for group in groups:
            self.forget(group)
        return groups

    def failed(self, group: str, now: float) -> None:
        """The question could not be put."""
        if gap := self._gaps.get(group):
            self._answered(gap)
            gap.tries, gap.first_asked, gap.next = 0, None, now + GAP_PATIENCE

    def answered(self, group: str, behind: int | None, now: float) -> None:
        """An answer was used; where the group is stuck after it."""
        gap = self._gaps.get(group)
        if gap is None:
            return
        self._answered(gap)
        gap.doubtful = False
        if behind is None:
            self.forget(group)
        elif behind != gap.at:
            gap.moved(behind, now)
            gap.next = now
        else:
            gap.next = now + min(LONGEST_PATIENCE, GAP_PATIENCE * 2.0**gap.tries)

    def _answered(self, gap: _Gap) -> None:
        if gap.asked:
            gap.asked = False
            self._asked -= 1
