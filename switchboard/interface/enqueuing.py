"""Puts the messages of the sockets on their channels, as many at a time as there are.

A few tasks of the hub share the work. What comes in while all of them wait for the layer is the next batch: so under
little load a message goes by itself at once, and under much load a call carries many. A socket has at most one message
here, so their order among each other does not matter.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from switchboard.events import Envelope
from switchboard.exceptions import ContentError, LayerUnavailable
from switchboard.layers.base import Enqueued, Layer, Receipt

logger = logging.getLogger(__name__)

#: Calls to the layer at a time: one that is being answered while the next one is put together.
CALLS_AT_A_TIME: Final = 2
#: Messages in one call, and bytes of what clients sent in them, beyond which no other is added: while the layer is busy
#: with them it serves nobody else.
MOST_AT_A_TIME: Final = 100
MOST_BYTES: Final = 256 * 1024

#: Told of the outcome; None if the layer did not answer.
Outcome = Callable[[Envelope, Receipt | None], None]


class Enqueuer:
    """A queue of envelopes on their way to the layer. What is put in while no task empties it waits for one."""

    def __init__(self, layer: Layer, outcome: Outcome) -> None:
        self._layer = layer
        self._outcome = outcome
        self._envelopes: deque[Envelope] = deque()
        self._some = asyncio.Event()

    def put(self, envelope: Envelope) -> None:
        """Returns at once; the outcome is told later."""
        self._envelopes.append(envelope)
        self._some.set()

    def forget(self) -> None:
        """Drop what no task has begun."""
        self._envelopes.clear()

    async def enqueue_next(self) -> None:
        """Wait for envelopes, enqueue a batch of them and tell the outcomes."""
        await self._some.wait()
        batch = self._next_batch()
        if not self._envelopes:
            self._some.clear()
        if batch:  # it may be that the other tasks took all
            for envelope, receipt in zip(batch, await self._enqueue(batch), strict=True):
                self._outcome(envelope, receipt)

    def _next_batch(self) -> Sequence[Envelope]:
        batch: list[Envelope] = []
        size = 0
        while self._envelopes and len(batch) < MOST_AT_A_TIME and size < MOST_BYTES:
            envelope = self._envelopes.popleft()
            batch.append(envelope)
            size += len(envelope.content.get("text") or envelope.content.get("bytes") or "")
        return batch

    async def _enqueue(self, batch: Sequence[Envelope]) -> Sequence[Receipt | None]:
        try:
            return await self._layer.enqueue_many(batch)
        except LayerUnavailable as error:
            logger.debug("enqueue of %d messages: %s", len(batch), error)
            return [None] * len(batch)
        except ContentError:
            if len(batch) > 1:  # the others are not to suffer for it
                return [receipt for envelope in batch for receipt in await self._enqueue([envelope])]
            # Nothing a client sends is unfit for the wire; to say so again and again would help nobody.
            logger.exception("the layer can't carry %s; it counts as handled", batch[0].id)
            return [Receipt(Enqueued.DONE)]
