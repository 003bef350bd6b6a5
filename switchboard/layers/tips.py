"""The last numbers of groups that changed lately, to be told again.

Members notice that they missed a numbered message by the number of the next. If nothing comes after it, nothing tells
them. So a worker remembers, for a while, the highest number that left through it for each group, and tells it again
every ``SWITCHBOARD["TIP_INTERVAL"]`` seconds. Several workers may tell different tips: a member heeds the highest.

They leave in slices, a call to the layer for each: one call for 10,000 groups would keep the layer from everybody else,
and be one entry of several hundred KB in each inbox. A slice that did not leave is where the next round begins.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from itertools import islice

from switchboard.events import GroupMessage, Output, Tip

#: A tip is told for so many intervals after its message.
TOLD_FOR = 3
#: Groups remembered, at most; beyond it the one that changed longest ago is forgotten.
MOST = 10_000
#: Tips in one slice, at most, and bytes of their groups' names.
MAX_SLICE = 200
MAX_SLICE_BYTES = 16 * 1024


class Tips:
    """Noted by whoever sends, told by the worker. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tips: dict[str, tuple[int, float]] = {}
        self._untold: dict[str, None] = {}  # what is left of the round; in the order in which it is told

    def note(self, outputs: Iterable[Output]) -> None:
        """Remember the numbered messages among ``outputs``, which have left."""
        for output in outputs:
            if isinstance(output, GroupMessage) and output.seq is not None:
                self._note(output.group, output.seq)

    def _note(self, group: str, seq: int) -> None:
        with self._lock:
            # Taken out and put in again, so that the order of the dict is that of the changes.
            before, _ = self._tips.pop(group, (0, 0.0))
            self._tips[group] = max(before, seq), time.monotonic()
            if len(self._tips) > MOST:
                self._forget(next(iter(self._tips)))

    def begin_round(self, seconds: float) -> None:
        """Tell the tips of all groups that changed within ``seconds``, those first that the last round did not come to;
        older ones are forgotten."""
        since = time.monotonic() - seconds
        with self._lock:
            for group in [group for group, (_, at) in self._tips.items() if at < since]:
                self._forget(group)
            for group in self._tips:
                self._untold.setdefault(group)

    def next_slice(self) -> list[Tip]:
        """Return what comes next in this round, the same until it was `told`; empty when all were."""
        tips: list[Tip] = []
        room = MAX_SLICE_BYTES
        with self._lock:
            for group in islice(self._untold, MAX_SLICE):
                room -= len(group)  # names are ASCII
                if tips and room < 0:
                    break
                tips.append(Tip(group, self._tips[group][0]))
        return tips

    def told(self, tips: Iterable[Tip]) -> None:
        """Take these out of the round: they have left."""
        with self._lock:
            for tip in tips:
                self._untold.pop(tip.group, None)

    def _forget(self, group: str) -> None:
        del self._tips[group]
        self._untold.pop(group, None)
