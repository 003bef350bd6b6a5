"""Puts the messages of the sockets on their channels.

A few tasks of the hub share the work: no task for each frame, and no more calls to the layer at a time than there are
tasks. A socket has at most one message here, so their order among each other does not matter.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from switchboard.events import Envelope
from switchboard.exceptions import ContentError, LayerUnavailable
from switchboard.layers.base import Enqueued, Layer, Receipt

logger = logging.getLogger(__name__)

#: Calls to the layer at a time. One round trip takes well under a millisecond, so few keep up with many sockets.
CALLS_AT_A_TIME: Final = 16

#: Told of the outcome; None if the layer did not answer.
Outcome = Callable[[Envelope, Receipt | None], None]


class Enqueuer:
    """A queue of envelopes on their way to the layer. What is put in while no task empties it waits for one."""

    def __init__(self, layer: Layer, outcome: Outcome) -> None:
        self._layer = layer
        self._outcome = outcome
        self._envelopes: asyncio.Queue[Envelope] = asyncio.Queue()

    def put(self, envelope: Envelope) -> None:
        """Returns at once; the outcome is told later."""
        self._envelopes.put_nowait(envelope)

    def forget(self) -> None:
        """Drop what no task has begun."""
        self._envelopes = asyncio.Queue()

    async def enqueue_next(self) -> None:
        """Wait for an envelope, enqueue it and tell the outcome."""
        envelope = await self._envelopes.get()
        self._outcome(envelope, await self._enqueue(envelope))

    async def _enqueue(self, envelope: Envelope) -> Receipt | None:
        try:
            return await self._layer.enqueue(envelope)
        except LayerUnavailable as error:
            logger.debug("enqueue of %s: %s", envelope.id, error)
            return None
        except ContentError:
            # Nothing a client sends is unfit for the wire; to say so again and again would help nobody.
            logger.exception("the layer can't carry %s; it counts as handled", envelope.id)
            return Receipt(Enqueued.DONE)
