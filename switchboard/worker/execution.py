"""From deliveries to outcomes: alone or together, and as often as it takes.

Deliveries that were routed to the same `batch` consumer run as one. If that raises, nobody knows which message is at
fault, so each runs by itself. While a database or the layer is unavailable, what runs is run again here, from the
messages as they came: nothing is acknowledged that was not stored. A worker that is to stop, or that has retried for
``SWITCHBOARD["TRANSIENT_RETRY_TIMEOUT"]`` seconds, gives it back instead.

Between two tries a message holds no turn of `Solitude`: others run, in company or alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias, TypeVar

from switchboard.backoff import Backoff
from switchboard.batches import most_at_once
from switchboard.conf import get_settings
from switchboard.layers.base import Delivery
from switchboard.message import Message
from switchboard.outages import Outage
from switchboard.routing import AnyConsumer
from switchboard.worker.database_errors import DatabaseProbe, RetryPolicy
from switchboard.worker.runner import Away, Outcome, Overdue, Runner, Spoilt
from switchboard.worker.solitude import Solitude
from switchboard.worker.threads import NotStarted

logger = logging.getLogger("switchboard.worker")

T = TypeVar("T")

#: A delivery and what the routing found in it.
_Routed: TypeAlias = tuple[Delivery, Mapping[str, str]]
#: None: it has to run elsewhere. Overdue: it did not return, beside others that did.
Result: TypeAlias = Outcome | Overdue | None


class Execution:
    """``stopping`` tells when to give back what cannot be finished now."""

    def __init__(self, runner: Runner, solitude: Solitude, stopping: Callable[[], bool]) -> None:
        self._runner = runner
        self._solitude = solitude
        self._stopping = stopping
        self._probe = DatabaseProbe()

    def message(self, delivery: Delivery) -> Message:
        """The message as its consumer gets it."""
        return Message.from_envelope(delivery.envelope, self._runner.layer)

    async def run(self, delivery: Delivery) -> Outcome | None:
        """Run one message by itself, beside others.

        Raises:
            Overdue: the consumer did not return.
        """

        async def run_once(policy: RetryPolicy) -> Outcome:
            async with self._solitude.company():
                return await self.run_once(delivery, policy)

        return await self.retry(run_once, delivery)

    async def run_once(self, delivery: Delivery, policy: RetryPolicy) -> Outcome:
        """Run one message one time.

        Raises:
            Away: run it again later.
            Overdue: the consumer did not return.
        """
        return await self._runner.run(self.message(delivery), policy.is_transient)

    async def run_together(self, deliveries: Iterable[Delivery]) -> Sequence[tuple[Delivery, Result]]:
        """Run several, in whatever order. One that does not return keeps no other from what it has done."""
        results: list[tuple[Delivery, Result]] = []
        for consumer, batch in self._batches(deliveries):
            results += await (self._run_each(batch) if consumer is None else self._run_batch(consumer, batch))
        return results

    def _batches(self, deliveries: Iterable[Delivery]) -> Iterator[tuple[AnyConsumer | None, Sequence[_Routed]]]:
        """What can run together; with None what has to run one by one."""
        by_consumer: dict[AnyConsumer | None, list[_Routed]] = {}
        for delivery in deliveries:
            message = self.message(delivery)
            consumer = self._runner.route(message)
            together = consumer if consumer is not None and most_at_once(consumer) else None
            by_consumer.setdefault(together, []).append((delivery, message.kwargs))
        for consumer, routed in by_consumer.items():
            most = (consumer and most_at_once(consumer)) or len(routed)
            for first in range(0, len(routed), most):
                yield consumer, routed[first : first + most]

    async def _run_batch(self, consumer: AnyConsumer, batch: Sequence[_Routed]) -> Sequence[tuple[Delivery, Result]]:
        if len(batch) == 1:
            return await self._run_each(batch)
        try:
            outcomes = await self.retry(lambda policy: self._run_batch_once(consumer, batch, policy), batch[0][0])
        except Spoilt as error:
            logger.info("%s: each is run by itself", error)
            return await self._run_each(batch)
        except Overdue as error:
            return [(delivery, error) for delivery, _ in batch]
        return [(delivery, outcomes[place] if outcomes else None) for place, (delivery, _) in enumerate(batch)]

    async def _run_batch_once(
        self, consumer: AnyConsumer, batch: Sequence[_Routed], policy: RetryPolicy
    ) -> Sequence[Outcome]:
        messages = []
        for delivery, kwargs in batch:
            message = self.message(delivery)
            message.consumer, message.kwargs = consumer, kwargs
            messages.append(message)
        async with self._solitude.company():
            return await self._runner.run_together(consumer, messages, policy.is_transient)

    async def _run_each(self, batch: Sequence[_Routed]) -> Sequence[tuple[Delivery, Result]]:
        async def run(delivery: Delivery) -> Result:
            try:
                return await self.run(delivery)
            except Overdue as error:
                return error

        results = await asyncio.gather(*(run(delivery) for delivery, _ in batch))
        return [(delivery, result) for (delivery, _), result in zip(batch, results, strict=True)]

    async def retry(self, run: Callable[[RetryPolicy], Awaitable[T]], delivery: Delivery) -> T | None:
        """Return what ``run`` returns, run again as long as it raises `Away`; None: give the message back.

        Given back means that this worker lets go of it: it stays pending, and when it has not been renewed for a lease,
        any worker takes it over.
        """
        backoff, outage = Backoff(), Outage(logger, f"{delivery.envelope.id} waits for what is away")
        policy = RetryPolicy(self._probe)
        clock, patience = asyncio.get_running_loop().time, get_settings().TRANSIENT_RETRY_TIMEOUT
        began: float | None = None
        while True:
            try:
                result = await run(policy)
            except NotStarted:
                return None
            except Away as error:
                outage.lasts(error)
                began = clock() if began is None else began
                if self._stopping():
                    return None
                if clock() - began >= patience:
                    logger.warning(
                        "%s: retried for %.0f s; given back, uncounted", delivery.envelope.id, clock() - began
                    )
                    return None
                await backoff.wait()
            else:
                outage.over()
                return result
