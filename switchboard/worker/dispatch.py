"""One message: whether it runs, and what its outcome does to the layer.

What a socket or another consumer sent is committed: outputs, session and acknowledgement in one step, at most once in
effect. One that was redelivered asks first whether it has been handled, counts the attempt, and runs alone; after
``SWITCHBOARD["MAX_ATTEMPTS"]`` it becomes a dead letter. While the database is away a message stays here, is renewed
and tried again: nothing is acknowledged that was not stored.

An HTTP request is claimed *before* it runs and never runs again, because nobody can take back half a response or know
what a repeated POST would do; so what it sends leaves at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from switchboard.backoff import Backoff
from switchboard.conf import get_settings
from switchboard.events import Reply
from switchboard.exceptions import ContentError, LayerUnavailable
from switchboard.layers.base import Attempt, Begun, Delivery, Layer
from switchboard.message import Message
from switchboard.names import HTTP_REQUEST
from switchboard.worker.runner import Away, Outcome, Runner
from switchboard.worker.solitude import Solitude

logger = logging.getLogger("switchboard.worker")

#: What a request gets whose consumer raised before it answered.
SERVER_ERROR = {
    "status": 500,
    "headers": [(b"content-type", b"text/plain; charset=utf-8")],
    "content": b"Something went wrong here. The error has been logged.\n",
    "more_content": False,
}


class Dispatcher:
    """Handles deliveries of one shard for one worker.

    ``layer`` is the shard. ``stopping`` tells when to give back what cannot be finished now.
    """

    def __init__(
        self, layer: Layer, runner: Runner, worker: str, *, stopping: Callable[[], bool] = lambda: False
    ) -> None:
        self._layer = layer
        self._runner = runner
        self._worker = worker
        self._stopping = stopping
        self._solitude = Solitude()

    async def handle(self, delivery: Delivery) -> None:
        """Run the consumer of ``delivery`` and commit, unless it was handled before or is another worker's.

        Waits while the layer or the database is away. Cancelling leaves the message pending, for another worker.

        Raises:
            Overdue: the consumer did not return; the message is pending.
        """
        if delivery.channel == HTTP_REQUEST:
            await self._handle_request(delivery)
        elif delivery.redelivered:
            await self._handle_again(delivery)
        else:
            await self._handle_first(delivery)

    async def _handle_request(self, delivery: Delivery) -> None:
        # Not persistent: if the answer to the claim is lost, so is the request; running it might be a second time.
        try:
            claimed = await self._layer.claim_request(self._worker, delivery)
        except LayerUnavailable:
            logger.warning("request %s dropped: the layer did not answer", delivery.envelope.id)
            return
        if not claimed:
            return
        message = self._message(delivery)
        try:
            await self._runner.call(message)
        except Exception as error:
            self._runner.report(message, error)
            if message.reply_channel is not None:
                await self._persist(lambda: self._layer.publish([Reply(str(message.reply_channel), SERVER_ERROR)]))

    async def _handle_first(self, delivery: Delivery) -> None:
        async with self._solitude.company():
            outcome = await self._outcome(delivery)
        if outcome is not None:
            await self._commit(delivery, outcome)

    async def _handle_again(self, delivery: Delivery) -> None:
        async with self._solitude.alone():
            # Counted in here: a message that only waited for its turn beside one that ended the worker did not begin.
            attempt: Attempt = await self._persist(lambda: self._layer.begin(self._worker, delivery))
            if attempt.begun is not Begun.RUN:
                return
            if attempt.number > get_settings().MAX_ATTEMPTS:
                await self._bury(delivery, attempt.number)
                return
            outcome = await self._outcome(delivery)
        if outcome is not None:
            await self._commit(delivery, outcome)
        else:
            await self._persist(lambda: self._layer.forgive(self._worker, delivery))

    async def _outcome(self, delivery: Delivery) -> Outcome | None:
        """The outcome of running it, as often as the database makes necessary; None if that has to be elsewhere."""
        backoff = Backoff()
        while True:
            try:
                return await self._runner.run(self._message(delivery))
            except Away as error:
                logger.warning("%s waits for what is away: %s", delivery.envelope.id, error)
                if self._stopping():
                    return None
                await backoff.wait()

    async def _bury(self, delivery: Delivery, attempts: int) -> None:
        logger.error(
            "%s is given up: its worker ended %d times while it ran; see manage.py deadletters",
            delivery.envelope.id,
            attempts,
        )
        outcome = await self._runner.give_up(self._message(delivery), attempts)
        reason = f"given up after {attempts} attempts"
        await self._persist(lambda: self._layer.bury(self._worker, delivery, outcome.outputs, reason=reason))

    async def _commit(self, delivery: Delivery, outcome: Outcome) -> None:
        try:
            committed = await self._persist(
                lambda: self._layer.commit(
                    self._worker, delivery, outcome.outputs, session=outcome.session, failed=outcome.failed
                )
            )
        except ContentError:
            logger.exception("what the consumer of %s sent is dropped", delivery.envelope.id)
            await self._commit(delivery, Outcome(failed=True))
        else:
            if committed:
                self._runner.layer.tips.note(outcome.outputs)

    async def _persist(self, ask: Callable[[], Any]) -> Any:
        """The answer of the layer, asked again while it is away. Every question here is safe to repeat."""
        backoff = Backoff()
        while True:
            try:
                return await ask()
            except LayerUnavailable as error:
                logger.warning("the layer is away (%s); trying again", error)
                await backoff.wait()

    def _message(self, delivery: Delivery) -> Message:
        return Message.from_envelope(delivery.envelope, self._runner.layer)
