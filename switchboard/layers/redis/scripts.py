"""The Lua scripts, each a file behind the prelude, sent once and called by its hash from then on."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent / "lua"
#: What a script needs besides the prelude.
_PARTS: Final[dict[str, tuple[str, ...]]] = {
    "begin": ("outputs",),
    "beat": ("run_id",),
    "claim_request": ("outputs",),
    "commit": ("outputs",),
    "known_interfaces": ("run_id",),
    "open_inbox": ("run_id",),
    "publish": ("outputs",),
    "receive": ("outputs",),
    "watch_interfaces": ("run_id",),
}


class Script:
    """One script as Redis gets it; ``sha`` is the name by which Redis knows it once it has seen it."""

    __slots__ = ("name", "sha", "text")

    def __init__(self, name: str) -> None:
        self.name = name
        files = [_FOLDER / f"{part}.lua" for part in ("prelude", *_PARTS.get(name, ()), name)]
        self.text = "\n".join(file.read_text() for file in files)
        # Redis names scripts by SHA-1; it protects nothing.
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


@cache
def script(name: str) -> Script:
    """The script of ``lua/<name>.lua``."""
    return Script(name)
