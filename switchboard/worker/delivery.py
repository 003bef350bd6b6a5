"""The bookkeeping of delivery: keeping what this worker holds, taking over what a dead one held.

A message that a worker received is its own as long as it renews it. A worker renews just what it really holds: what
Redis gave it in an answer that never arrived falls idle like the messages of a dead worker, and anyone may take it.

Taking over asks for patience of one's own. That the server says "not renewed for 30 s" means nothing: perhaps the
server itself was frozen for 30 s, and nobody could renew. So `Patience` counts only the time in which this worker,
on an unbroken connection, looked again and again and saw no change.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from switchboard.layers.base import Delivery, Layer, Pending

logger = logging.getLogger("switchboard.worker")

#: Two looks at the same delivery may differ by the rounding of the server's clock, in milliseconds.
CLOCK_ROUNDING_MS = 5


class Holdings:
    """The messages in this worker's hands, from their receipt to their commit."""

    def __init__(self, layer: Layer, worker: str) -> None:
        self._layer = layer
        self._worker = worker
        self._held: dict[tuple[str, str], Delivery] = {}

    def add(self, delivery: Delivery) -> None:
        self._held[delivery.channel, delivery.tag] = delivery

    def remove(self, delivery: Delivery) -> None:
        self._held.pop((delivery.channel, delivery.tag), None)

    def __len__(self) -> int:
        return len(self._held)

    async def renew(self) -> None:
        """Renew everything held; forget what was lost. Its run goes on, but its commit will find that out too.

        Raises:
            LayerUnavailable: nothing is known to be renewed.
        """
        if not self._held:
            return
        for lost in await self._layer.renew(self._worker, list(self._held.values())):
            if (lost.channel, lost.tag) in self._held:
                logger.warning("lost hold of %s: another worker took it over", lost.envelope.id)
                self.remove(lost)


@dataclass(slots=True)
class _Sighting:
    pending: Pending
    since: float


class Patience:
    """Which pending messages have stood still for a whole ``lease`` of seconds under our own eyes."""

    def __init__(self, lease: float) -> None:
        self._lease = lease
        self._sightings: dict[tuple[str, str], _Sighting] = {}

    def look(self, seen: Sequence[Pending], now: float) -> list[Pending]:
        """Take note of what is pending ``now`` (a monotonic clock); return what may be taken over."""
        before, self._sightings = self._sightings, {}
        for pending in seen:
            key = (pending.channel, pending.tag)
            sighting = before.get(key)
            if sighting is None or _moved(sighting.pending, pending):
                sighting = _Sighting(pending, now)
            self._sightings[key] = sighting
        return [found.pending for found in self._sightings.values() if now - found.since >= self._lease]

    def forget(self) -> None:
        """The connection broke: what was seen before says nothing about now."""
        self._sightings.clear()


def _moved(before: Pending, now: Pending) -> bool:
    return before.owner != now.owner or abs(before.delivered_at - now.delivered_at) > CLOCK_ROUNDING_MS
