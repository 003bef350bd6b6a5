"""The last numbers of groups that changed lately, to be told again.

Members notice that they missed a numbered message by the number of the next. If nothing comes after it, nothing tells
them. So a worker remembers, for a while, the highest number that left through it for each group, and tells it again
every ``SWITCHBOARD["TIP_INTERVAL"]`` seconds. Several workers may tell different tips: a member heeds the highest.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from switchboard.events import GroupMessage, Output, Tip

#: A tip is told for so many intervals after its message.
TOLD_FOR = 3
#: Groups remembered, at most; beyond it the one that changed longest ago is forgotten.
MOST = 10_000


class Tips:
    """Noted by whoever sends, told by the worker. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tips: dict[str, tuple[int, float]] = {}

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
                del self._tips[next(iter(self._tips))]

    def recent(self, seconds: float) -> list[Tip]:
        """The tips of groups that changed within ``seconds``; older ones are forgotten."""
        since = time.monotonic() - seconds
        with self._lock:
            self._tips = {group: tip for group, tip in self._tips.items() if tip[1] >= since}
            return [Tip(group, seq) for group, (seq, _) in self._tips.items()]
