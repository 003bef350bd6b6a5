"""The end of the sockets, when the process ends: their clients are moved elsewhere.

All sockets are closed with 1012, a batch at a time, so that not all clients come back at once. What they sent ahead is
handed over and each disconnect queued after it, while the hub's tasks still run. It takes no longer than it may: what
has not been acknowledged by then is left behind, with the disconnect; and where the layer does not answer, without. A
handshake that no worker took by then is left to their reaper.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from switchboard.interface.exchange import Exchanges
from switchboard.interface.sockets import Sockets

__all__ = ["STOP_REST", "batch_of", "move"]

logger = logging.getLogger(__name__)

#: Seconds that the end may take for what waits, and for the disconnects, before the process ends without them.
STOP_PATIENCE: Final = 1.5
STOP_REST: Final = 0.5
#: At the end so many sockets are closed at a time, or as many more as it takes to be done with all after so many
#: pauses of so many seconds: the clients come back elsewhere, and not all of them at once.
MOVED_AT_A_TIME: Final = 50
MOVE_PAUSES: Final = 20
MOVE_PAUSE: Final = 0.1


def batch_of(sockets: int) -> int:
    """How many of them are closed at a time."""
    return max(MOVED_AT_A_TIME, sockets // MOVE_PAUSES + 1)


async def move(sockets: Sockets, exchanges: Exchanges, batch: int | None) -> None:
    """Close all sockets, ``batch`` at a time; afterwards none is known any more. Requests may be answered meanwhile."""
    while sockets.leave(batch):  # noqa: ASYNC110 - the pause is the purpose
        await asyncio.sleep(MOVE_PAUSE)
    all_gone, _ = await asyncio.gather(sockets.wait_empty(STOP_PATIENCE), exchanges.wait_empty(STOP_PATIENCE))
    if not all_gone:
        sockets.abandon()
        if not await sockets.wait_empty(STOP_REST):
            logger.error("%d sockets ended without a disconnect: the layer did not answer", len(sockets))
    sockets.drop()
