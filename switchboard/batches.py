"""`batch`: a consumer that takes several messages at once.

What costs the same for one message as for a hundred, a transaction above all, is then paid once. A batch is what one
channel had at the moment, as many as take about a twentieth of a second; under little load it is a single message.

Each message keeps its own fate. What is sent ``with message.sending():`` leaves with the acknowledgement of that
message, and what is sent outside of any has no message to leave with, which is an error. If the consumer raises,
nothing of the batch has left, and it is called again with each message by itself: so only the one at fault fails, and
the others are run twice, as may happen to any message (key the effects by ``message.id``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Consumer = TypeVar("Consumer", bound=Callable[..., Any])

#: Messages in a batch, at most, unless the consumer says otherwise. Beyond it there is little left to save, and a
#: worker that dies leaves each of them to be taken over and run alone.
MOST = 100


def batch(consumer: Consumer | None = None, *, most: int = MOST) -> Any:
    """Decorate a consumer that is to be called with a list of up to ``most`` messages, and nothing else.

    The keyword arguments of the routing are in each ``message.kwargs``. ``@batch`` stands below `on_error` and above
    or below the decorators of sessions and users.
    """

    def decorate(consumer: Consumer) -> Consumer:
        consumer.most_at_once = most  # type: ignore[attr-defined]
        return consumer

    return decorate if consumer is None else decorate(consumer)


def most_at_once(consumer: Callable[..., Any]) -> int | None:
    """How many messages ``consumer`` takes at once; None: it is no batch consumer."""
    return getattr(consumer, "most_at_once", None)
