"""One message: find its consumer, run it, let its outputs leave with the acknowledgement.

What a socket or another consumer sent is committed: outputs, session and acknowledgement in one step, at most
once in effect. An HTTP request is claimed *before* it runs and never runs again, because nobody can take back
half a response or know what a repeated POST would do; so what it sends leaves at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any

from asgiref.sync import iscoroutinefunction

from switchboard.backoff import Backoff
from switchboard.bridging import in_loop
from switchboard.conf import get_settings
from switchboard.errors import hook_of
from switchboard.events import Content, Output, Reply
from switchboard.exceptions import ContentError, DenyConnection, LayerUnavailable, NoRoute
from switchboard.layers.base import Begun, Delivery, Layer
from switchboard.message import Message
from switchboard.names import CONNECT, HTTP_REQUEST
from switchboard.outbox import Outbox, collecting
from switchboard.routing import Router

logger = logging.getLogger("switchboard.worker")

#: What a request gets whose consumer raised before it answered.
SERVER_ERROR = {
    "status": 500,
    "headers": [(b"content-type", b"text/plain; charset=utf-8")],
    "content": b"Something went wrong here. The error has been logged.\n",
    "more_content": False,
}


@dataclass
class Outcome:
    """What is to be committed. ``failed``: the consumer raised, and nobody answered in its place."""

    outputs: list[Output] = field(default_factory=list)
    session: Content | None = None
    failed: bool = False


#: Runs a function of no arguments in some thread.
InThread = Callable[[Callable[[], Any]], Awaitable[Any]]


class Dispatcher:
    """Handles deliveries for one worker; sync consumers run by ``in_thread``."""

    def __init__(self, layer: Layer, router: Router, worker: str, in_thread: InThread) -> None:
        self._layer = layer
        self._router = router
        self._worker = worker
        self._in_thread = in_thread

    async def handle(self, delivery: Delivery) -> None:
        """Run the consumer of ``delivery`` and commit, unless it was handled before or is another worker's.

        Waits while the layer is away. Cancelling leaves the message pending, for another worker.
        """
        if delivery.channel == HTTP_REQUEST:
            await self._handle_request(delivery)
        elif not delivery.redelivered or await self._may_run(delivery):
            await self._commit(delivery, await self._run(Message.from_envelope(delivery.envelope, self._layer)))

    async def _handle_request(self, delivery: Delivery) -> None:
        # Not persistent: if the answer to the claim is lost, so is the request; running it might be a second time.
        try:
            claimed = await self._layer.claim_request(self._worker, delivery)
        except LayerUnavailable:
            logger.warning("request %s dropped: the layer did not answer", delivery.envelope.id)
            return
        if not claimed:
            return
        message = Message.from_envelope(delivery.envelope, self._layer)
        try:
            await self._call(message)
        except Exception as error:
            self.report(message, error)
            if message.reply_channel is not None:
                await self._persist(lambda: self._layer.publish([Reply(str(message.reply_channel), SERVER_ERROR)]))

    async def _may_run(self, delivery: Delivery) -> bool:
        attempt = await self._persist(lambda: self._layer.begin(self._worker, delivery))
        if attempt.begun is not Begun.RUN:
            return False
        if attempt.number > get_settings().MAX_ATTEMPTS:
            logger.error("%s given up: it ended %d workers", delivery.envelope.id, attempt.number)
            await self._commit(delivery, Outcome(failed=True))
            return False
        return True

    async def _run(self, message: Message) -> Outcome:
        outbox = Outbox(self._layer, message.content.get("reply_channel"), message.travelling_session)
        try:
            with collecting(outbox):
                await self._call(message)
            session = vars(message).get("channel_session")
            return Outcome(outbox.outputs, None if session is None else session.changes())
        except DenyConnection:
            if message.channel.name == CONNECT:
                return Outcome([Reply(str(message.reply_channel), {"close": True})])
            logger.exception("only a consumer of %s can deny a connection, not of %s", CONNECT, _named(message))
        except NoRoute as error:
            logger.error("%s (%s)", error, _named(message))
        except Exception as error:
            self.report(message, error)
            return await self._answer_error(message, error)
        return Outcome(failed=True)

    def report(self, message: Message, error: Exception) -> None:
        """Say that a consumer raised, from inside the ``except``."""
        logger.exception("the consumer of %s raised", _named(message))

    async def _call(self, message: Message) -> None:
        found = self._router.match(message)
        if found is None:
            raise NoRoute(message.channel.name)
        consumer, kwargs = found
        message.consumer = consumer
        await self._invoke(consumer, message, **kwargs)

    async def _answer_error(self, message: Message, error: Exception) -> Outcome:
        hook = hook_of(message.consumer) if message.consumer else None
        if hook is None:
            return Outcome(failed=True)
        outbox = Outbox(self._layer)
        try:
            with collecting(outbox):
                await self._invoke(hook, message, error)
        except Exception:
            logger.exception("the error hook of %s raised", _named(message))
            return Outcome(failed=True)
        return Outcome(outbox.outputs)

    async def _invoke(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        loop = asyncio.get_running_loop()
        with in_loop(loop):
            if iscoroutinefunction(function):
                await function(*args, **kwargs)
            else:
                context = copy_context()
                await self._in_thread(lambda: context.run(function, *args, **kwargs))

    async def _commit(self, delivery: Delivery, outcome: Outcome) -> None:
        try:
            await self._persist(
                lambda: self._layer.commit(
                    self._worker, delivery, outcome.outputs, session=outcome.session, failed=outcome.failed
                )
            )
        except ContentError:
            logger.exception("what the consumer of %s sent is dropped", delivery.envelope.id)
            await self._commit(delivery, Outcome(failed=True))

    async def _persist(self, ask: Callable[[], Any]) -> Any:
        """The answer of the layer, asked again while it is away. Every question here is safe to repeat."""
        backoff = Backoff()
        while True:
            try:
                return await ask()
            except LayerUnavailable as error:
                logger.warning("the layer is away (%s); trying again", error)
                await backoff.wait()


def _named(message: Message) -> str:
    path = f" on {message['path']}" if "path" in message else ""
    return f"{message.channel}{path} ({message.id})"
