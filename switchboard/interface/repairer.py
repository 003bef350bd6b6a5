"""Asks for what the numbered groups lack, when `repairs` says that it is time.

The answers come into the inbox like any reply, and go to the groups from there. A question that the layer does not
take is put again later.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence

from switchboard.exceptions import ChannelFull, LayerUnavailable
from switchboard.interface.groups import Groups, Question
from switchboard.interface.sockets import Sockets
from switchboard.layers.base import Layer

__all__ = ["Repairer"]

logger = logging.getLogger(__name__)


class Repairer:
    """``step`` is repeated by the hub. ``stirred`` is set when the groups may have a question earlier than they said;
    ``new_channel`` makes the reply channel of a question."""

    def __init__(
        self, layer: Layer, sockets: Sockets, groups: Groups, *, stirred: asyncio.Event, new_channel: Callable[[], str]
    ) -> None:
        self._layer = layer
        self._sockets = sockets
        self._groups = groups
        self._stirred = stirred
        self._new_channel = new_channel

    async def step(self) -> None:
        """Put the questions that are due, give up what is hopeless, and wait until there may be more."""
        self._stirred.clear()
        await self._ask(self._groups.questions(_now(), self._new_channel))
        for channels, answer in self._groups.give_up(_now()):
            self._sockets.answer_all(channels, answer)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(self._groups.wake_at):
                await self._stirred.wait()

    async def _ask(self, questions: Sequence[Question]) -> None:
        """Put the questions in one call; none of them was put if the channel is full."""
        if not questions:
            return
        try:
            await self._layer.publish([question.envelope for question in questions])
        except (LayerUnavailable, ChannelFull) as error:
            logger.debug("no questions for %d groups: %s", len(questions), error)
            for question in questions:
                self._groups.not_put(question, _now())


def _now() -> float:
    return asyncio.get_running_loop().time()
