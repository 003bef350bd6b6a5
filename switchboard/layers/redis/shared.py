"""What both sides of the Redis layer stand on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from switchboard.layers.capacity import Capacities
from switchboard.layers.redis.connections import LONGEST_BLOCK, Connections
from switchboard.layers.redis.keys import Keys
from switchboard.layers.redis.wire import Wire

T = TypeVar("T")


class Shared:
    """The parts a layer is put together from, and the two ways to ask the server."""

    _keys: Keys
    _redis: Connections
    _wire: Wire
    _capacities: Capacities

    async def _run(self, name: str, *words: str | bytes | int) -> Any:
        return await self._redis.run(name, self._keys.prefix, *words)

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
