"""What both sides of the layer in memory stand on: the lock, waiting, copying."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from switchboard.events import Content, Join, Leave, Output, Tip
from switchboard.layers.memory.state import State
from switchboard.layers.memory.waking import Bell

T = TypeVar("T")

#: Most pending messages that one `pending` shows of a channel, and most records that one `sockets_of` shows.
BATCH = 500


class Shared:
    """The state is read and written under the lock only."""

    _state: State
    _lock: threading.Lock
    _copy: Callable[[Content], Content]

    async def _wait_for(self, take: Callable[[], list[T]], bell: Bell, wait: float) -> list[T]:
        """What ``take`` gives, tried again whenever ``bell`` rings, until ``wait`` seconds are over."""
        deadline = time.monotonic() + wait
        while True:
            with bell.listening() as rung:
                with self._lock:
                    taken = take()
                if taken or not await rung.wait(deadline - time.monotonic()):
                    return taken

    def _copied(self, output: Output) -> Output:
        if isinstance(output, (Tip, Join, Leave)):
            return output
        return replace(output, content=self._copy(output.content))
