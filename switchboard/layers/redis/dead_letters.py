"""Messages that were given up: a stream, in which `bury` puts them in the step that acknowledges them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from switchboard.layers.base import DeadLetter, Layer
from switchboard.layers.redis.shared import Shared

#: The id of an entry; to Redis anything else is an error, to us a letter that does not exist.
_TAG = re.compile(r"[0-9]{1,16}-[0-9]{1,16}", re.ASCII)


class DeadLetters(Shared, Layer):
    """Looking at them, sending them again, forgetting them; the contract is `Layer`'s."""

    async def dead_letters(self) -> Sequence[DeadLetter]:
        rows = await self._redis.command("XRANGE", self._keys.dead_letters, "-", "+")
        return [self._wire.read_dead_letter(row) for row in rows]

    async def revive(self, tag: str) -> bool:
        return bool(_TAG.fullmatch(tag)) and bool(await self._run("revive", tag))

    async def drop_dead_letter(self, tag: str) -> bool:
        return bool(_TAG.fullmatch(tag)) and bool(await self._redis.command("XDEL", self._keys.dead_letters, tag))
