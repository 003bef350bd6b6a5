"""Taking over what a dead worker held: about five seconds after it was last renewed."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Sequence

from switchboard.exceptions import LayerUnavailable
from switchboard.layers.base import Delivery, Layer, Pending
from switchboard.leases import Stillness

logger = logging.getLogger("switchboard.worker")


class Takeover:
    """Looks at what is pending on ``channels`` and takes what stood still for a whole ``lease`` of seconds."""

    def __init__(self, layer: Layer, worker: str, channels: Collection[str], lease: float) -> None:
        self._layer = layer
        self._worker = worker
        self._channels = channels
        self._lease = lease
        #: Seconds from one look to the next.
        self.interval = lease / 8
        # A holder renews four times in a lease; what was renewed just now need not be looked at.
        self._idle = lease / 3
        self._stillness: Stillness[tuple[str, str]] = Stillness(unbroken=lease / 2)

    async def look(self) -> Sequence[Delivery]:
        """One look; what is ours now."""
        taken = []
        try:
            for pending in self._ripe(await self._layer.pending(self._channels, idle=self._idle)):
                delivery = await self._layer.take_over(self._worker, pending)
                if delivery is not None:
                    logger.warning("took over %s from %s", delivery.envelope.id, pending.owner)
                    taken.append(delivery)
        except LayerUnavailable:
            self._stillness.interrupted()
        return taken

    def _ripe(self, seen: Sequence[Pending]) -> list[Pending]:
        by_key = {(pending.channel, pending.tag): pending for pending in seen}
        still = self._stillness.look(by_key, time.monotonic())
        return [by_key[key] for key, seconds in still.items() if seconds >= self._lease]
