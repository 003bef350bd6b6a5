"""Words in a message that harm whoever runs it."""

from __future__ import annotations

from typing import Final

#: The consumer raises.
POISON: Final = "poison"
#: The worker dies by SIGKILL.
DEADLY: Final = "deadly"
HARMFUL: Final = frozenset({POISON, DEADLY})
