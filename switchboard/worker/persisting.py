"""Asking the layer until it answers."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from switchboard.backoff import Backoff
from switchboard.exceptions import LayerUnavailable

logger = logging.getLogger("switchboard.worker")

T = TypeVar("T")


async def persist(ask: Callable[[], Awaitable[T]]) -> T:
    """The answer of ``ask``, asked again while the layer is away. Only for what is safe to repeat."""
    backoff = Backoff()
    while True:
        try:
            return await ask()
        except LayerUnavailable as error:
            logger.warning("the layer is away (%s); trying again", error)
            await backoff.wait()
