"""Asking the layer until it answers."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from switchboard.backoff import Backoff
from switchboard.exceptions import LayerUnavailable
from switchboard.outages import Outage

logger = logging.getLogger("switchboard.worker")

T = TypeVar("T")


async def persist(ask: Callable[[], Awaitable[T]]) -> T:
    """The answer of ``ask``, asked again while the layer is away. Only for what is safe to repeat."""
    backoff, outage = Backoff(), Outage(logger, "what was done waits for the layer, which is away")
    while True:
        try:
            answer = await ask()
        except LayerUnavailable as error:
            outage.lasts(error)
            await backoff.wait()
        else:
            outage.over()
            return answer
