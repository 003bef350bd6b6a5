"""Messages that were given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from switchboard.layers.base import DeadLetter, Layer
from switchboard.layers.memory.shared import Shared
from switchboard.layers.memory.state import Entry


class DeadLetters(Shared, Layer):
    """Looking at them, sending them again, forgetting them; the contract is `Layer`'s."""

    async def dead_letters(self) -> Sequence[DeadLetter]:
        with self._lock:
            return list(self._state.dead_letters.values())

    async def revive(self, tag: str) -> bool:
        with self._lock:
            letter = self._state.dead_letters.pop(tag, None)
            if letter is not None:
                self._state.append(Entry(replace(letter.envelope, socket=None, order=None), self._state.measure))
            return letter is not None

    async def drop_dead_letter(self, tag: str) -> bool:
        with self._lock:
            return self._state.dead_letters.pop(tag, None) is not None
