"""Signals into an event: SIGTERM and SIGINT ask the worker to finish, they don't interrupt it."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger("switchboard.worker")


@contextmanager
def stop_on_signals(stop: asyncio.Event) -> Iterator[None]:
    """Within the block the first SIGTERM or SIGINT sets ``stop``, and so does each later one.

    In the main thread only, and in the loop that waits for ``stop``: ``add_signal_handler`` wakes the loop, which a
    handler of ``signal.signal`` would not before the next event.
    """
    loop = asyncio.get_running_loop()

    def ask(number: signal.Signals) -> None:
        logger.info("%s: finishing what was begun", number.name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask, number)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
