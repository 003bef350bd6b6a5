"""One message: whether it runs, and what its outcome does to the layer.

What a socket or another consumer sent is committed: outputs, session and acknowledgement in one step, at most once in
effect. One that was redelivered asks first whether it has been handled, counts the attempt, and runs alone; after
``SWITCHBOARD["MAX_ATTEMPTS"]`` it becomes a dead letter.

An HTTP request is claimed *before* it runs and never runs again, because nobody can take back half a response or know
what a repeated POST would do; so what it sends leaves at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence

from switchboard.conf import get_settings
from switchboard.events import Content, Reply
from switchboard.exceptions import ContentError, LayerUnavailable
from switchboard.layers.base import Attempt, Begun, Commit, Delivery, Layer
from switchboard.message import Message
from switchboard.names import HTTP_REQUEST
from switchboard.responses import SERVER_ERROR
from switchboard.worker.committer import Committer
from switchboard.worker.database_errors import RetryPolicy
from switchboard.worker.execution import Execution, Result
from switchboard.worker.persisting import persist
from switchboard.worker.runner import Away, Outcome, Overdue, Runner
from switchboard.worker.solitude import Solitude
from switchboard.worker.threads import NotStarted

logger = logging.getLogger("switchboard.worker")


def _answer(status: int, text: str) -> Content:
    return {
        "status": status,
        "headers": [(b"content-type", b"text/plain; charset=utf-8")],
        "content": text.encode(),
        "more_content": False,
    }


#: What it gets whose view did not return in time.
VIEW_OVERDUE = _answer(504, "This page took too long. It has been logged.\n")
#: What it gets that was claimed by a worker that has to end.
WORKER_ENDS = _answer(503, "The server is restarting. Try again in a moment.\n")


class Dispatcher:
    """Handles deliveries of one shard for one worker.

    ``layer`` is the shard. ``committer`` and ``solitude`` are those of all dispatchers of the worker on this shard.
    Up to ``requests`` HTTP requests run at once. ``stopping`` tells when to give back what cannot be finished now.
    """

    def __init__(
        self,
        layer: Layer,
        runner: Runner,
        worker: str,
        committer: Committer,
        solitude: Solitude,
        *,
        requests: int = 1,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._layer = layer
        self._runner = runner
        self._worker = worker
        self._execution = Execution(runner, solitude, stopping)
        self._solitude = solitude
        self._committer = committer
        self._request_slots = asyncio.Semaphore(requests)

    async def handle_together(self, deliveries: Sequence[Delivery], ran: Callable[[], None]) -> None:
        """`handle` several that come for the first time; those of a `batch` consumer run together.

        ``ran`` is called as soon as all that is left to do is to commit.

        Raises:
            Overdue: a consumer did not return; its message, or its batch, is pending. The others are committed.
        """
        finished = await self._execution.run_together(deliveries)
        ran()
        await self._commit_all(finished)
        for _, result in finished:
            if isinstance(result, Overdue):
                raise result

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
        # Claimed when it can run, not before: until then it may be another worker's, or its client may leave.
        async with self._request_slots:
            if not self._runner.is_stuck and await self._claim(delivery):
                await self._answer_request(delivery)

    async def _claim(self, delivery: Delivery) -> bool:
        # Not persistent: if the answer to the claim is lost, so is the request; running it might be a second time.
        try:
            return await self._layer.claim_request(self._worker, delivery)
        except LayerUnavailable:
            logger.warning("request %s dropped: the layer did not answer", delivery.envelope.id)
            return False

    async def _answer_request(self, delivery: Delivery) -> None:
        message = self._execution.message(delivery)
        try:
            await self._runner.call(message)
        except Overdue:
            await self._reply(message, VIEW_OVERDUE)
            raise
        except NotStarted:
            await self._reply(message, WORKER_ENDS)
        except Exception as error:
            self._runner.report(message, error)
            await self._reply(message, SERVER_ERROR)

    async def _reply(self, message: Message, content: Content) -> None:
        if message.reply_channel is not None:
            reply = Reply(str(message.reply_channel), content)
            await persist(lambda: self._layer.publish([reply]))

    async def _handle_first(self, delivery: Delivery) -> None:
        await self._commit_all([(delivery, await self._execution.run(delivery))])

    async def _handle_again(self, delivery: Delivery) -> None:
        outcome = await self._execution.retry(lambda policy: self._attempt(delivery, policy), delivery)
        await self._commit_all([(delivery, outcome)])

    async def _attempt(self, delivery: Delivery, policy: RetryPolicy) -> Outcome | None:
        """Run a redelivered message once, alone; None where it is not to run, and settled.

        Raises:
            Away: run it again later; the attempt was not counted.
            NotStarted: it has to run elsewhere; the attempt was not counted.
            Overdue: the consumer did not return; the attempt was.
        """
        async with self._solitude.alone():
            # Counted in here: a message that only waited for its turn beside one that ended the worker did not begin.
            attempt: Attempt = await persist(lambda: self._layer.begin(self._worker, delivery))
            if attempt.begun is not Begun.RUN:
                return None
            if attempt.number > get_settings().MAX_ATTEMPTS:
                await self._bury(delivery, attempt.number)
                return None
            try:
                return await self._execution.run_once(delivery, policy)
            except (Away, NotStarted):
                await persist(lambda: self._layer.forgive(self._worker, delivery))
                raise

    async def _bury(self, delivery: Delivery, attempts: int) -> None:
        logger.error(
            "%s is given up: its worker ended %d times while it ran; see manage.py deadletters",
            delivery.envelope.id,
            attempts,
        )
        outcome = await self._runner.give_up(self._execution.message(delivery), attempts)
        reason = f"given up after {attempts} attempts"
        await persist(lambda: self._layer.bury(self._worker, delivery, outcome.outputs, reason=reason))

    async def _commit_all(self, results: Iterable[tuple[Delivery, Result]]) -> None:
        """Commit what has an outcome. What cannot go over the wire counts as raised: a commit without outputs can."""
        finished = [(delivery, outcome) for delivery, outcome in results if isinstance(outcome, Outcome)]
        answers = await self._committer.commit_all([_commit_of(*pair) for pair in finished])
        for (delivery, outcome), answer in zip(finished, answers, strict=True):
            if isinstance(answer, ContentError):
                logger.error("what the consumer of %s sent is dropped", delivery.envelope.id, exc_info=answer)
                await self._commit_all([(delivery, Outcome(failed=True))])
            elif answer:
                self._runner.layer.tips.note(outcome.outputs)
            else:
                logger.warning("lost hold of %s: another worker took it over, or Redis lost it", delivery.envelope.id)


def _commit_of(delivery: Delivery, outcome: Outcome) -> Commit:
    return Commit(delivery, outcome.outputs, outcome.session, outcome.failed)
