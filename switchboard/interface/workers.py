"""Notices when the worker that runs a request has died.

Workers beat. A worker is lost when its beat has stood still for a lease *as seen from here, without a break*: after
a time in which the layer did not answer, or in which this process itself stood still, counting begins anew, or a
frozen Redis would make every worker look dead.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from switchboard.exceptions import LayerUnavailable
from switchboard.layers.base import Layer
from switchboard.leases import Stillness

logger = logging.getLogger(__name__)

#: Seconds between two looks at the beats.
LOOK_EVERY: Final = 1.0
#: Looks further apart than so many seconds were interrupted.
UNBROKEN: Final = 3 * LOOK_EVERY
#: Seconds beyond the lease: a worker beats at intervals, and our looks fall between them.
GRACE: Final = 2.0


class Watch:
    """Looks after the workers of ``running()``; calls ``lost`` for each that has died."""

    def __init__(
        self, layer: Layer, *, lease: float, running: Callable[[], set[str]], lost: Callable[[str], None]
    ) -> None:
        self._layer = layer
        self._lease = lease
        self._running = running
        self._lost = lost
        self._stillness: Stillness[str] = Stillness(unbroken=UNBROKEN)

    async def look(self) -> None:
        """One look, after `LOOK_EVERY` seconds."""
        await asyncio.sleep(LOOK_EVERY)
        workers = self._running()
        if not workers:
            self._stillness.interrupted()
            return
        try:
            beats = await self._layer.worker_beats()
        except LayerUnavailable:
            self._stillness.interrupted()
            return
        shown = {worker: beats.get(worker) for worker in workers}  # one that shows no beat stands still
        for worker, seconds in self._stillness.look(shown, asyncio.get_running_loop().time()).items():
            if seconds >= self._lease + GRACE:
                logger.warning("%s has not beaten for %.1f s; its requests are given up", worker, seconds)
                self._lost(worker)
