"""What both sides of the layer on one host stand on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from switchboard.events import Envelope, Output
from switchboard.layers.capacity import Capacities
from switchboard.layers.redis.connections import LONGEST_BLOCK, Connections
from switchboard.layers.redis.homes import Homes
from switchboard.layers.redis.keys import Keys
from switchboard.layers.redis.relay import MOST_OUTGOING, Relay
from switchboard.layers.redis.wire import Wire, Word

T = TypeVar("T")


class Shared:
    """The parts that the layer on one host is put together from, and the ways to ask that host."""

    _place: int
    _homes: Homes
    _keys: Keys
    _redis: Connections
    _relay: Relay
    _wire: Wire
    _capacities: Capacities

    async def _run(self, name: str, *words: str | bytes | int) -> Any:
        return await self._redis.run(name, self._keys.prefix, *words)

    def _outputs(self, outputs: Sequence[Output]) -> tuple[list[Word], set[int]]:
        """``outputs`` as words for a script, four for each, and the other hosts to which some of them are to be carried
        when it has run."""
        here: list[Word] = []
        elsewhere: dict[int, list[Word]] = {}
        for output in outputs:
            bounds = ""
            if isinstance(output, Envelope):
                capacity = self._capacities.of(output.channel)
                bounds = f"{capacity.messages} {capacity.size}"
            four = self._wire.output(output, bounds)
            for place in self._homes.of(output):
                (here if place == self._place else elsewhere.setdefault(place, [])).extend(four)
        for place, there in elsewhere.items():
            here += self._wire.forward(place, MOST_OUTGOING, there)
        return here, set(elsewhere)

    async def _read_counts(self, key: str) -> Mapping[str, int]:
        """A hash of numbers."""
        words = await self._redis.command("HGETALL", key)
        return {name.decode(): int(number) for name, number in zip(words[::2], words[1::2], strict=True)}

    async def _waiting(self, read: Callable[..., Awaitable[list[T]]], wait: float) -> list[T]:
        """The first answer of ``read`` that holds something, or the last one after ``wait`` seconds.

        ``read`` gets the words BLOCK and milliseconds, or none if it is not to wait: to Redis, 0 means for ever.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait
        while True:
            left = deadline - loop.time()
            milliseconds = int(min(left, LONGEST_BLOCK) * 1000)
            answer = await (read("BLOCK", milliseconds) if milliseconds > 0 else read())
            if answer or loop.time() >= deadline:
                return answer
