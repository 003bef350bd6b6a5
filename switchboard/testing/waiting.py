"""Waiting for a condition, never for a length of time.

A test that sleeps is either slow or flaky, mostly both. These two ask again and again until the condition holds, and
say what they were waiting for when it does not.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, overload

__all__ = ["DEADLINE", "await_until", "wait_until"]

T = TypeVar("T")

#: Seconds. Generous, since only a test that fails spends it: a busy two-core machine starts a Django process in 5 s.
DEADLINE = 30.0

#: Seconds between two looks: short beside anything a test waits for, long beside the cost of a look.
INTERVAL = 0.02


def _failure(what: str, timeout: float, last: object) -> AssertionError:
    return AssertionError(f"{what} not within {timeout:g} s; the last look gave {last!r}")


def wait_until(condition: Callable[[], T], what: str = "condition", *, timeout: float = DEADLINE) -> T:
    """Return the first true value of `condition()`.

    Raises AssertionError at the deadline. What `condition` itself raises passes through at once.
    """
    deadline = time.monotonic() + timeout
    while True:
        last_look = time.monotonic() > deadline  # asked before, or a pause of this process would cost the last look
        value = condition()
        if value:
            return value
        if last_look:
            raise _failure(what, timeout, value)
        time.sleep(INTERVAL)


@overload
async def await_until(
    condition: Callable[[], Coroutine[Any, Any, T]], what: str = ..., *, timeout: float = ...
) -> T: ...
@overload
async def await_until(condition: Callable[[], T], what: str = ..., *, timeout: float = ...) -> T: ...
async def await_until(condition: Callable[[], Any], what: str = "condition", *, timeout: float = DEADLINE) -> Any:
    """As `wait_until`, on an event loop; `condition` may be a coroutine function."""
    deadline = time.monotonic() + timeout
    while True:
        last_look = time.monotonic() > deadline
        found = condition()
        value = await found if inspect.isawaitable(found) else found
        if value:
            return value
        if last_look:
            raise _failure(what, timeout, value)
        await asyncio.sleep(INTERVAL)
