"""What a client sent ahead of its message under way: bounded in bytes, and slowed down before the bound.

From half the bound on the client is not to be read, until little is left. The other half is for a long frame, and for
what still comes from a server that can't stop reading.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from switchboard.events import Content

__all__ = ["FRAME_OVERHEAD", "Waiting"]

#: Parts of the bound: from the first on the client is not read, below the second it is read again.
PAUSE_AT: Final = 1 / 2
RESUME_AT: Final = 1 / 4
#: What a waiting frame costs besides its payload, in bytes; otherwise empty frames would be free.
FRAME_OVERHEAD: Final = 128


class Waiting:
    """The frames of one socket, in the order in which they came."""

    __slots__ = ("_frames", "_most", "bytes", "paused")

    def __init__(self, most: int) -> None:
        self._most = most
        self.bytes = 0
        #: Whether the client is not to be read.
        self.paused = False
        # Mostly nothing waits, and an empty deque costs more than all else that is known of a socket.
        self._frames: deque[tuple[Content, int]] | None = None

    def __bool__(self) -> bool:
        return self._frames is not None

    def has_room(self, size: int) -> bool:
        return self.bytes + size + FRAME_OVERHEAD <= self._most

    def put(self, content: Content, size: int) -> None:
        if self._frames is None:
            self._frames = deque()
        self._frames.append((content, size + FRAME_OVERHEAD))
        self.bytes += size + FRAME_OVERHEAD
        if self.bytes > self._most * PAUSE_AT:
            self.paused = True

    def take(self) -> Content:
        """The first of them; there has to be one."""
        assert self._frames is not None
        content, cost = self._frames.popleft()
        self.bytes -= cost
        if not self._frames:
            self._frames = None
        if self.bytes < self._most * RESUME_AT:
            self.paused = False
        return content

    def clear(self) -> None:
        self._frames, self.bytes, self.paused = None, 0, False
