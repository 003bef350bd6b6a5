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
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.urls import resolve

from switchboard.batches import most_at_once
from switchboard.bridging import in_loop
from switchboard.conf import get_settings
from switchboard.errors import hook_of
from switchboard.events import Content, Output, Reply
from switchboard.exceptions import DeadLettered, DenyConnection, NoRoute, SwitchboardError
from switchboard.isolation import isolate, run_isolated
from switchboard.layers.base import Layer
from switchboard.message import Message
from switchboard.names import CONNECT, HTTP_REQUEST
from switchboard.outbox import NoOutbox, Outbox, collecting_until_closed
from switchboard.routing import AnyConsumer, Router
from switchboard.views import django_view
from switchboard.worker.threads import NotStarted, Threads, TimeLimit, TimeLimitExceeded

logger = logging.getLogger("switchboard.worker")

#: Decides whether what a consumer raised is not its fault and goes away by itself; see `RetryPolicy`.
IsTransient = Callable[[Exception], Awaitable[bool]]


class Away(SwitchboardError):
    """The database is locked or gone, or the layer did not answer a send; the same message may succeed later."""


class Overdue(SwitchboardError):
    """A consumer or a view did not return within its time limit. Its thread may run on; ``position`` is where it is."""

    def __init__(self, text: str, position: TracebackType | None = None) -> None:
        super().__init__(text)
        self.position = position


class Spoilt(SwitchboardError):
    """A batch raised; which of its messages is at fault is not known."""


@dataclass
class Outcome:
    """What is to be committed. ``failed``: the consumer raised, and nobody answered in its place."""

    outputs: list[Output] = field(default_factory=list)
    session: Content | None = None
    failed: bool = False


class Runner:
    """Runs consumers of ``router``; sync ones in ``threads``. Without ``time_limits`` they may take for ever."""

    def __init__(self, layer: Layer, router: Router, threads: Threads, *, time_limits: bool = True) -> None:
        self.layer = layer
        self._router = router
        self._threads = threads
        self._time_limits = time_limits

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
            with collecting_until_closed(outbox):
                await self.call(message)
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
            with collecting_until_closed(NoOutbox(self.layer), *(message.outbox for message in messages)):
                await self._invoke(consumer, messages[0], list(messages))
            outcomes.extend(_finished(message, message.outbox) for message in messages if message.outbox)

        error = await _error_of(run(), is_transient)
        if error is not None:
            raise Spoilt(f"a batch of {len(messages)}, {named(messages[0])} the first, raised {error!r}")
        return outcomes

    @property
    def is_stuck(self) -> bool:
        """Whether a thread is stuck, so that nothing new begins here."""
        return self._threads.is_stuck

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
            Overdue: it did not return.
            NotStarted: it did not begin.
        """
        consumer = self.route(message)
        if consumer is None:
            raise NoRoute(message.channel.name)
        if most_at_once(consumer):
            await self._invoke(consumer, message, [message])
        else:
            await self._invoke(consumer, message, message, **message.kwargs)

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
            with collecting_until_closed(outbox):
                await self._invoke(hook, message, message, error)
        except (Overdue, NotStarted):
            raise
        except Exception:
            logger.exception("the error hook of %s raised", named(message))
            return Outcome(failed=True)
        return Outcome(outbox.outputs)

    async def _invoke(self, function: Callable[..., Any], message: Message, *args: Any, **kwargs: Any) -> None:
        """Call ``function`` for ``message`` within the time limit, which begins when it does."""
        is_request = message.channel.name == HTTP_REQUEST
        seconds = self._seconds_for(is_request=is_request)
        try:
            with in_loop(asyncio.get_running_loop(), self.layer):
                if iscoroutinefunction(function):
                    async with TimeLimit(seconds):
                        await run_isolated(function, *args, **kwargs)
                else:
                    await self._threads.run(lambda: isolate(function, *args, **kwargs)(), seconds)
        except TimeLimitExceeded as error:
            runs = _named_view(message) if is_request else f"the consumer of {named(message)}"
            raise Overdue(f"{runs} {error}", error.position) from None

    def _seconds_for(self, *, is_request: bool) -> float | None:
        if not self._time_limits:
            return None
        settings = get_settings()
        return settings.VIEW_TIME_LIMIT if is_request else settings.CONSUMER_TIME_LIMIT


async def _error_of(running: Awaitable[None], is_transient: IsTransient) -> Exception | None:
    """What application code raised, if it is its own fault.

    Raises:
        Away: it is not.
        Overdue: it did not return.
        NotStarted: it did not begin.
    """
    try:
        await running
    except (Overdue, NotStarted):
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


def _named_view(message: Message) -> str:
    """A request in a log line, with the view that Django's URL configuration names for it."""
    name = getattr(message.consumer, "__qualname__", repr(message.consumer))
    if message.consumer is django_view:
        try:
            name = resolve(message["path"]).view_name
        except Exception:  # Resolver404, or whatever converters of the application raise
            name = "no view of the URL configuration"
    return f"{message['method']} {message['path']} ({name})"
