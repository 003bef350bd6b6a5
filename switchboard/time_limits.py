"""Let a view that has begun to answer take as long as its client reads.

A worker gives up what runs for too long. Sending a response of a gigabyte may take that long and is well. So the time
limit of a view covers it up to its response, and the code that sends the response lifts the limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_lift: ContextVar[Callable[[], None] | None] = ContextVar("switchboard_lift_time_limit", default=None)


@contextmanager
def liftable(lift: Callable[[], None]) -> Iterator[None]:
    """Within the block, and in threads that copy its context, `lift_time_limit` calls ``lift``."""
    before = _lift.set(lift)
    try:
        yield
    finally:
        _lift.reset(before)


def lift_time_limit() -> None:
    """End the time limit of what runs in this context, if it has one. It may be called from any thread."""
    lift = _lift.get()
    if lift is not None:
        lift()
