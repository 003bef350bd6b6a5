"""Keeping hold of what this worker has.

A message that a worker took is its own as long as it renews it. A worker renews just what it really holds: what Redis
gave it in an answer that never arrived falls idle like the messages of a dead worker, and anyone may take it over.
"""

from __future__ import annotations

from switchboard.layers.base import Delivery, Layer


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
        """Renew everything held; forget what is ours no longer: it was lost, or committed a moment ago. Which of them,
        its commit will find out.

        Raises:
            LayerUnavailable: nothing is known to be renewed.
        """
        if not self._held:
            return
        for lost in await self._layer.renew(self._worker, list(self._held.values())):
            self.remove(lost)
