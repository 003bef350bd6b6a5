"""What is ready to be committed leaves together.

One call to the layer is under way at a time. What becomes ready meanwhile waits for it to return, and all of it leaves
with the next call: under little load a commit goes at once and alone, under much load a call carries many.

There is no task for it. Whoever wants something committed waits for its turn, and whoever has the turn sends what all
of them have; so the others find theirs done when it comes to them. If one is cancelled in its turn, what it had sent is
put back: to commit again what was committed changes nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final, TypeAlias

from switchboard.exceptions import ContentError
from switchboard.layers.base import Commit, Layer
from switchboard.worker.persisting import persist

#: Messages, and outputs of them all, in one call at most, which keeps the layer from everybody else while it lasts.
MOST_COMMITS: Final = 200
MOST_OUTPUTS: Final = 2_000


#: Whether it was committed, or why it could not be.
Answer: TypeAlias = bool | ContentError


class Committer:
    """Commits of one worker on one shard of the layer."""

    def __init__(self, layer: Layer, worker: str) -> None:
        self._layer = layer
        self._worker = worker
        self._turn = asyncio.Lock()
        self._waiting: deque[tuple[Commit, asyncio.Future[Answer]]] = deque()

    async def commit_all(self, commits: Sequence[Commit]) -> Sequence[Answer]:
        """See `Layer.commit_all`; what cannot go over the wire harms nobody else. Waits while the layer is away."""
        loop = asyncio.get_running_loop()
        mine: list[asyncio.Future[Answer]] = [loop.create_future() for _ in commits]
        self._waiting.extend(zip(commits, mine, strict=True))
        while not all(future.done() for future in mine):
            async with self._turn:
                await self._send()
        return [future.result() for future in mine]

    async def _send(self) -> None:
        """Send what waits, or as much of it as goes into one call."""
        sent = self._next()
        try:
            for answer, (_, future) in zip(await self._answers([commit for commit, _ in sent]), sent, strict=True):
                future.set_result(answer)
        finally:
            self._waiting.extendleft(reversed([pair for pair in sent if not pair[1].done()]))

    def _next(self) -> list[tuple[Commit, asyncio.Future[Answer]]]:
        taken: list[tuple[Commit, asyncio.Future[Answer]]] = []
        room = MOST_OUTPUTS
        while self._waiting and len(taken) < MOST_COMMITS and (not taken or room > 0):
            commit, future = self._waiting.popleft()
            room -= len(commit.outputs)
            taken.append((commit, future))
        return taken

    async def _answers(self, commits: Sequence[Commit]) -> Sequence[Answer]:
        if not commits:
            return []
        try:
            return await persist(lambda: self._layer.commit_all(self._worker, commits))
        except ContentError as error:
            if len(commits) == 1:
                return [error]
        return [answer for commit in commits for answer in await self._answers([commit])]
