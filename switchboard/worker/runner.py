"""Running one consumer: find it, call it, collect what it sent.

The one ``except Exception`` around application code is here. A consumer that raises has sent nothing; its `on_error`
hook may answer in its place. A batch that raises says nothing about any one of its messages. Two failures are nobody's
answer and are passed on: a database that is away, which is not the consumer's fault, and a consumer that does not come
back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any

from asgiref.sync import iscoroutinefunction

from switchboard.batches import most_at_once
from switchboard.bridging import in_loop
from switchboard.conf import get_settings
from switchboard.errors import hook_of
from switchboard.events import Content, Output, Reply
from switchboard.exceptions import DeadLettered, DenyConnection, NoRoute, SwitchboardError
from switchboard.layers.base import Layer
from switchboard.message import Message
from switchboard.names import CONNECT
from switchboard.outbox import NoOutbox, Outbox, collecting
from switchboard.routing import AnyConsumer, Router

logger = logging.getLogger("switchboard.worker")

#: Runs a function of no arguments in some thread.
InThread = Callable[[Callable[[], Any]], Awaitable[Any]]
#: Decides whether what a consumer raised is not its fault and goes away by itself; see `RetryPolicy`.
IsTransient = Callable[[Exception], Awaitable[bool]]


class Away(SwitchboardError):
    """The database is locked or gone, or the layer did not answer a send; the same message may succeed later."""


class Overdue(SwitchboardError):
    """A consumer did not return within ``SWITCHBOARD["CONSUMER_TIME_LIMIT"]``. Its thread may run on."""


class Spoilt(SwitchboardError):
    """A batch raised; which of its messages is at fault is not known."""


@dataclass
class Outcome:
    """What is to be committed. ``failed``: the consumer raised, and nobody answered in its place."""

    outputs: list[Output] = field(default_factory=list)
    session: Content | None = None
    failed: bool = False


class Runner:
    """Runs consumers of ``router``; sync ones by ``in_thread``."""

    def __init__(self, layer: Layer, router: Router, in_thread: InThread) -> None:
        self.layer = layer
        self._router = router
        self._in_thread = in_thread

    async def run(self, message: Message, is_transient: IsTransient) -> Outcome:
        """What is to be committed for ``message``.

        Raises:
            Away: run it again later.
            Overdue: the consumer did not return.
        """
        outbox = self._outbox_of(message)
        outcome = Outcome(failed=True)

        async def run() -> None:
            nonlocal outcome
            with collecting(outbox):
                await self._limited(self.call(message), message)
            outcome = _finished(message, outbox)

        error = await _error_of(run(), is_transient)
        if isinstance(error, DenyConnection):
            if message.channel.name == CONNECT:
                return Outcome([Reply(str(message.reply_channel), {"close": True})])
            logger.error("only a consumer of %s can deny a connection, not of %s", CONNECT, named(message))
        elif isinstance(error, NoRoute):
            logger.error("%s (%s)", error, named(message))
        elif error is not None:
            self.report(message, error)
            return await self._answer(message, error)
        return outcome

    async def run_together(
        self, consumer: AnyConsumer, messages: Sequence[Message], is_transient: IsTransient
    ) -> Sequence[Outcome]:
        """What is to be committed for each of ``messages``, which were all routed to ``consumer``, one for a `batch`.

        Raises:
            Away: run them again later.
            Overdue: the consumer did not return.
            Spoilt: it raised.
        """
        outcomes: list[Outcome] = []
        for message in messages:
            message.outbox = self._outbox_of(message)

        async def run() -> None:
            with collecting(NoOutbox(self.layer)):
                await self._limited(self._invoke(consumer, list(messages)), messages[0])
            outcomes.extend(_finished(message, message.outbox) for message in messages if message.outbox)

        error = await _error_of(run(), is_transient)
        if error is not None:
            raise Spoilt(f"a batch of {len(messages)}, {named(messages[0])} the first, raised {error!r}")
        return outcomes

    def route(self, message: Message) -> AnyConsumer | None:
        """Find the consumer of ``message`` and its keyword arguments, and keep them in it; None: there is none."""
        found = self._router.match(message)
        if found is not None:
            message.consumer, message.kwargs = found
        return message.consumer

    async def give_up(self, message: Message, attempts: int) -> Outcome:
        """What is to be committed for a message that is not run any more: the hook's answer, if there is one."""
        self.route(message)
        return await self._answer(message, DeadLettered(attempts))

    async def call(self, message: Message) -> None:
        """Run the consumer and nothing else; what it raises passes through.

        Raises:
            NoRoute: there is none.
        """
        consumer = self.route(message)
        if consumer is None:
            raise NoRoute(message.channel.name)
        if most_at_once(consumer):
            await self._invoke(consumer, [message])
        else:
            await self._invoke(consumer, message, **message.kwargs)

    def report(self, message: Message, error: Exception) -> None:
        """Say that a consumer raised."""
        logger.error("the consumer of %s raised", named(message), exc_info=error)

    def _outbox_of(self, message: Message) -> Outbox:
        return Outbox(self.layer, message.content.get("reply_channel"), message.travelling_session)

    async def _answer(self, message: Message, error: Exception) -> Outcome:
        hook = hook_of(message.consumer) if message.consumer else None
        if hook is None:
            return Outcome(failed=True)
        outbox = Outbox(self.layer)
        try:
            with collecting(outbox):
                await self._limited(self._invoke(hook, message, error), message)
        except Overdue:
            raise
        except Exception:
            logger.exception("the error hook of %s raised", named(message))
            return Outcome(failed=True)
        return Outcome(outbox.outputs)

    async def _limited(self, running: Awaitable[None], message: Message) -> None:
        seconds = get_settings().CONSUMER_TIME_LIMIT
        try:
            async with asyncio.timeout(seconds) as limit:
                await running
        except TimeoutError:
            # A consumer may raise one of its own.
            if not limit.expired():
                raise
            raise Overdue(f"the consumer of {named(message)} did not return within {seconds:g} s") from None

    async def _invoke(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        with in_loop(asyncio.get_running_loop()):
            if iscoroutinefunction(function):
                await function(*args, **kwargs)
            else:
                context = copy_context()
                await self._in_thread(lambda: context.run(function, *args, **kwargs))


async def _error_of(running: Awaitable[None], is_transient: IsTransient) -> Exception | None:
    """What application code raised, if it is its own fault.

    Raises:
        Away: it is not.
        Overdue: it did not return.
    """
    try:
        await running
    except Overdue:
        raise
    except Exception as error:
        if await is_transient(error):
            raise Away(str(error)) from error
        return error
    return None


def _finished(message: Message, outbox: Outbox) -> Outcome:
    session = vars(message).get("channel_session")
    return Outcome(outbox.outputs, None if session is None else session.changes())


def named(message: Message) -> str:
    """A message in a log line."""
    path = f" on {message['path']}" if "path" in message else ""
    return f"{message.channel}{path} ({message.id})"
