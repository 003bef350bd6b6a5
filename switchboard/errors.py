"""`on_error`: what a socket is told when its consumer raises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from switchboard.message import Message

Consumer = TypeVar("Consumer", bound=Callable[..., Any])
#: Called with the message and what was raised.
Hook = Callable[[Message, Exception], Any]


def on_error(hook: Hook) -> Callable[[Consumer], Consumer]:
    """Decorate a consumer with a function that answers in its place when it raises.

    The consumer's sends are gone by then; the hook's leave with the acknowledgement, as the consumer's would have.
    A hook that raises itself is logged, and sends nothing.
    """

    def decorate(consumer: Consumer) -> Consumer:
        consumer.error_hook = hook  # type: ignore[attr-defined]
        return consumer

    return decorate


def hook_of(consumer: Callable[..., Any]) -> Hook | None:
    """The hook that `on_error` gave ``consumer``; decorators outside of it pass it on."""
    return getattr(consumer, "error_hook", None)
