"""When to ask for the messages that numbered groups lack: patience, retries, pacing. No I/O; the time is given.

A group that is behind its tip gets a second: mostly the missing message is just being overtaken. Then the channel
``group.repair`` is asked, once at a time for each group, and for a few groups at a time: after a recovery all of
them are in doubt. An answer that brought something but not all is followed by the next question at once; no answer,
or one that brought nothing, by another try, later each time. When nothing has moved for `GIVE_UP_AFTER` although the
layer took the questions, there is nobody who could answer: the gap is closed as it is.

Questions are bounded twice: in number under way, and in number for each `QUESTIONS_INTERVAL`, since fast answers alone
would let an interface with many groups ask as fast as the database can be read. Groups that are known to lack
something are asked for before those that are only in doubt.

The gaps stand in queues by their deadlines, so whatever happens to one costs that one only: after a recovery with
10,000 groups each answer would otherwise walk over all of them.
"""

from __future__ import annotations

import heapq
from itertools import count
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
#: Questions in each interval of so many seconds, at most: 10,000 groups are asked for within 25 s.
MAX_QUESTIONS: Final = 100
QUESTIONS_INTERVAL: Final = 0.25
#: Outdated entries that a queue of deadlines may hold besides as many as it has valid ones.
MAX_OUTDATED: Final = 32


class _Gap:
    """One group that is behind, or in doubt."""

    __slots__ = ("asked", "at", "doubtful", "first_asked", "group", "next", "tries")

    def __init__(self, group: str, at: int | None, now: float, *, doubtful: bool = False) -> None:
        self.group = group
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


class _Deadlines:
    """A priority queue of gaps whose deadlines change.

    A heap cannot move an entry. So a new one is pushed, and the outdated one is dropped when it comes up, or when there
    are more of these than valid ones.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, _Gap]] = []
        self._valid: dict[_Gap, tuple[float, int, _Gap]] = {}
        self._order = count()

    def __len__(self) -> int:
        return len(self._valid)

    @property
    def outdated(self) -> int:
        """How many outdated entries are kept."""
        return len(self._heap) - len(self._valid)

    def put(self, gap: _Gap, at: float | None) -> None:
        """Set the deadline of a gap; None removes it."""
        before = self._valid.get(gap)
        if at is None:
            if before is not None:
                del self._valid[gap]
        elif before is None or before[0] != at:
            entry = self._valid[gap] = (at, next(self._order), gap)
            heapq.heappush(self._heap, entry)
        if self.outdated > len(self._valid) + MAX_OUTDATED:
            self._heap = list(self._valid.values())
            heapq.heapify(self._heap)

    @property
    def next_at(self) -> float | None:
        """The earliest deadline."""
        while self._heap:
            at, _order, gap = entry = self._heap[0]
            if self._valid.get(gap) is entry:
                return at
            heapq.heappop(self._heap)
        return None

    def first(self, now: float) -> _Gap | None:
        """Return the gap with the earliest deadline, if that is over."""
        at = self.next_at
        return self._heap[0][2] if at is not None and at <= now else None


class Repairs:
    """The gaps of all groups."""

    def __init__(self) -> None:
        self._gaps: dict[str, _Gap] = {}
        # A gap that was asked for is in the first of these, any other in the second or the third.
        self._asked = _Deadlines()
        self._lacking = _Deadlines()
        self._doubtful = _Deadlines()
        self._hopeless = _Deadlines()
        self._interval_ends = 0.0
        self._questions_left = 0

    def __len__(self) -> int:
        return len(self._gaps)

    @property
    def outdated_entries(self) -> int:
        """How many entries are kept of deadlines that changed."""
        return sum(queue.outdated for queue in (self._asked, self._lacking, self._doubtful, self._hopeless))

    def note(self, group: str, behind: int | None, now: float, *, urgent: bool = False) -> None:
        """Where a group is stuck after something happened; None: nowhere. ``urgent``: ask without patience."""
        gap = self._gaps.get(group)
        if behind is None and not (gap and gap.doubtful):
            self.forget(group)
            return
        if gap is None:
            gap = self._gaps[group] = _Gap(group, behind, now)
        elif behind != gap.at:
            gap.moved(behind, now)
        if urgent and not gap.asked and gap.tries == 0:
            gap.next = now
        self._queue(gap)

    def doubt(self, group: str, behind: int | None, now: float) -> None:
        """Messages may have been lost without a trace; ask in any case."""
        self.forget(group)
        gap = self._gaps[group] = _Gap(group, behind, now, doubtful=True)
        self._queue(gap)

    def forget(self, group: str) -> None:
        """Nobody is interested any more."""
        gap = self._gaps.pop(group, None)
        if gap is not None:
            for queue in (self._asked, self._lacking, self._doubtful, self._hopeless):
                queue.put(gap, None)

    # -- questions

    @property
    def wake_at(self) -> float | None:
        """When `due` may have something."""
        times = [self._asked.next_at]
        if len(self._asked) < MOST_ASKED:
            waiting = [at for at in (self._lacking.next_at, self._doubtful.next_at) if at is not None]
            if waiting:
                first = min(waiting)
                times.append(first if self._questions_left else max(first, self._interval_ends))
        return min((at for at in times if at is not None), default=None)

    def due(self, now: float) -> list[str]:
        """The groups to ask for. Each counts as asked; if it can't be, say so with `failed`."""
        while gap := self._asked.first(now):
            gap.asked = False
            self._queue(gap)
        if now >= self._interval_ends:
            self._interval_ends, self._questions_left = now + QUESTIONS_INTERVAL, MAX_QUESTIONS
        groups: list[str] = []
        while self._questions_left and len(self._asked) < MOST_ASKED:
            gap = self._lacking.first(now) or self._doubtful.first(now)
            if gap is None:
                break
            self._questions_left -= 1
            gap.asked = True
            gap.first_asked = now if gap.first_asked is None else gap.first_asked
            gap.next = now + min(LONGEST_PATIENCE, FIRST_PATIENCE * 2.0**gap.tries)
            gap.tries += 1
            self._queue(gap)
            groups.append(gap.group)
        return groups

    def hopeless(self, now: float) -> list[str]:
        """Groups to give up. They are forgotten."""
        groups: list[str] = []
        while gap := self._hopeless.first(now):
            self.forget(gap.group)
            groups.append(gap.group)
        return groups

    def failed(self, group: str, now: float) -> None:
        """The question could not be put."""
        if gap := self._gaps.get(group):
            gap.asked, gap.tries, gap.first_asked, gap.next = False, 0, None, now + GAP_PATIENCE
            self._queue(gap)

    def answered(self, group: str, behind: int | None, now: float) -> None:
        """An answer was used; where the group is stuck after it."""
        gap = self._gaps.get(group)
        if gap is None:
            return
        gap.asked = gap.doubtful = False
        if behind is None:
            self.forget(group)
            return
        if behind != gap.at:
            gap.moved(behind, now)
            gap.next = now
        else:
            gap.next = now + min(LONGEST_PATIENCE, GAP_PATIENCE * 2.0**gap.tries)
        self._queue(gap)

    def _queue(self, gap: _Gap) -> None:
        """Put a gap where it belongs after it changed."""
        self._asked.put(gap, gap.next if gap.asked else None)
        self._lacking.put(gap, None if gap.asked or gap.at is None else gap.next)
        self._doubtful.put(gap, None if gap.asked or gap.at is not None else gap.next)
        self._hopeless.put(gap, None if gap.first_asked is None else gap.first_asked + GIVE_UP_AFTER)
