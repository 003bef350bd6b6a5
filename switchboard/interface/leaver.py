"""Takes the interface out of groups that the layer thinks it is in, and in which nobody is left here.

Nobody waits for it: a group's message that comes in vain is dropped, and is a reason to look again.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from switchboard.exceptions import LayerUnavailable
from switchboard.interface.groups import Groups
from switchboard.interface.inbox import Inbox
from switchboard.layers.base import Layer

__all__ = ["Leaver"]

logger = logging.getLogger(__name__)

#: Seconds between two tries to leave a group that is about to be joined again.
PAUSE: Final = 0.2


class Leaver:
    """``step`` is repeated by the hub."""

    def __init__(self, layer: Layer, inbox: Inbox, groups: Groups) -> None:
        self._layer = layer
        self._inbox = inbox
        self._groups = groups
        self._deserted: set[str] = set()
        self._now = asyncio.Event()

    def look(self, group: str) -> None:
        """Somebody left, or did not come: leave, if nobody is in the group any more."""
        if group not in self._groups:
            self._deserted.add(group)
            self._now.set()

    def forget(self) -> None:
        """The interface is in no group any more."""
        self._deserted.clear()

    async def step(self) -> None:
        """Wait for deserted groups, and try to leave each once."""
        await self._now.wait()
        self._now.clear()
        for group in tuple(self._deserted):
            await self._leave(group)
        if self._deserted:
            await asyncio.sleep(PAUSE)
            self._now.set()

    async def _leave(self, group: str) -> None:
        if group in self._groups:
            self._deserted.discard(group)
            return
        try:
            if await self._layer.leave(self._inbox.name, group, self._inbox.taken):
                self._deserted.discard(group)
        except LayerUnavailable as error:
            logger.debug("group %s is not left yet: %s", group, error)
