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
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from switchboard.exceptions import ContentError
from switchboard.layers.base import Commit, Layer
from switchboard.worker.persisting import persist

#: Messages, outputs of them all, and bytes of those, in one call at most, which keeps the layer from everybody else
#: while it lasts. A commit that is larger by itself goes alone.
MOST_COMMITS: Final = 200
MOST_OUTPUTS: Final = 2_000
MAX_COMMIT_BYTES: Final = 1024 * 1024


#: Whether it was committed, or why it could not be.
Answer: TypeAlias = bool | ContentError


class _Waiting(NamedTuple):
    commit: Commit
    answer: asyncio.Future[Answer]
    size: int


class Committer:
    """Commits of one worker on one shard of the layer."""

    def __init__(self, layer: Layer, worker: str) -> None:
        self._layer = layer
        self._worker = worker
        self._turn = asyncio.Lock()
        self._waiting: deque[_Waiting] = deque()

    async def commit_all(self, commits: Sequence[Commit]) -> Sequence[Answer]:
        """See `Layer.commit_all`; what cannot go over the wire harms nobody else. Waits while the layer is away."""
        loop = asyncio.get_running_loop()
        mine: list[asyncio.Future[Answer]] = [loop.create_future() for _ in commits]
        self._waiting.extend(_Waiting(*pair, _size_of(pair[0])) for pair in zip(commits, mine, strict=True))
        while not all(future.done() for future in mine):
            async with self._turn:
                await self._send()
        return [future.result() for future in mine]

    async def _send(self) -> None:
        """Send what waits, or as much of it as goes into one call."""
        sent = self._next()
        try:
            for answer, one in zip(await self._answers([one.commit for one in sent]), sent, strict=True):
                one.answer.set_result(answer)
        finally:
            self._waiting.extendleft(reversed([one for one in sent if not one.answer.done()]))

    def _next(self) -> list[_Waiting]:
        taken: list[_Waiting] = []
        outputs = size = 0
        while self._waiting and len(taken) < MOST_COMMITS:
            outputs += len(self._waiting[0].commit.outputs)
            size += self._waiting[0].size
            if taken and (outputs > MOST_OUTPUTS or size > MAX_COMMIT_BYTES):
                break
            taken.append(self._waiting.popleft())
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


def _size_of(commit: Commit) -> int:
    """Return about how many bytes ``commit`` takes on the wire, or anything above `MAX_COMMIT_BYTES`.

    Not by recursion: a client may have nested what a consumer passes on as deep as it likes.
    """
    size = 0
    left: list[Any] = [commit.session, *(getattr(output, "content", None) for output in commit.outputs)]
    while left and size <= MAX_COMMIT_BYTES:
        value = left.pop()
        size += 2
        if isinstance(value, str):
            size += len(value) if value.isascii() else 3 * len(value)
        elif isinstance(value, (bytes, bytearray)):
            size += len(value)
        elif isinstance(value, Mapping):
            # Counted before they are looked at, or content that holds itself would grow here for ever.
            size += 2 * len(value)
            left += value.keys()
            left += value.values()
        elif isinstance(value, (list, tuple)):
            size += 2 * len(value)
            left += value
    return size
