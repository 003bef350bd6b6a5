"""Fetch a bounded number of messages from several channels, in round-robin order.

`Layer.take` bounds what it takes of *each* channel. A worker with one free thread and five channels would get five
messages that way, of which four wait for the thread while another worker may be idle. So:

* Where there is a free thread for each channel, one call takes an equal share of each.
* Otherwise the channels are asked one by one, the one that was served longest ago first, until there are enough
  messages. A channel that was empty a moment ago is asked only if the others have nothing: under load there would be a
  call in vain for each of them, each time.
* If nothing is there, one call waits for the first message of any channel. The layer wakes a waiting worker for one
  channel. Only where messages of several channels came since they were asked, it gives one of each; the surplus waits
  here for a thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import Final

from switchboard.exceptions import LayerUnavailable
from switchboard.layers.base import Delivery, Layer

#: Seconds for which a channel that was empty comes behind those that were not.
EMPTY_FOR: Final = 0.05


class RoundRobin:
    """Messages of ``channels`` for one worker."""

    def __init__(
        self, layer: Layer, worker: str, channels: Collection[str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._layer = layer
        self._worker = worker
        #: The one that was served longest ago comes first.
        self._channels = list(channels)
        self._clock = clock
        self._empty_at: dict[str, float] = {}
        #: The last call waited in vain.
        self._idle = False

    async def fetch(self, count: int, *, wait: float) -> Sequence[Delivery]:
        """Take up to ``count`` messages, ``count`` being 1 at least; wait up to ``wait`` seconds for the first.

        Raises:
            LayerUnavailable: nothing was taken.
        """
        share = count // len(self._channels)
        if not share and not self._idle:
            taken = await self._fetch_one_by_one(count)
            if taken:
                return taken
        taken = await self._layer.take(self._worker, self._channels, count=share or 1, wait=wait)
        self._idle = not taken
        self._serve_last({delivery.channel for delivery in taken})
        return taken

    async def _fetch_one_by_one(self, count: int) -> Sequence[Delivery]:
        taken: list[Delivery] = []
        now = self._clock()
        empty = {channel for channel, at in self._empty_at.items() if now - at < EMPTY_FOR}
        for channel in sorted(self._channels, key=empty.__contains__):  # stable
            if len(taken) >= count or (taken and channel in empty):
                break
            try:
                found = await self._layer.take(self._worker, [channel], count=count - len(taken), wait=0)
            except LayerUnavailable:
                if not taken:
                    raise
                break  # what was taken is ours, and has to be handled
            if found:
                self._empty_at.pop(channel, None)
            else:
                self._empty_at[channel] = now
            taken += found
        self._serve_last({delivery.channel for delivery in taken})
        return taken

    def _serve_last(self, served: Collection[str]) -> None:
        self._channels.sort(key=served.__contains__)  # stable
