"""The secret key: made once, kept in the data folder, readable by its owner alone."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

__all__ = ["kept_in"]

_NAME = "secret-key"


def kept_in(folder: Path) -> str:
    """The key of this data folder, made if there is none. Processes that start together get the same one."""
    path = folder / _NAME
    if not path.exists():
        _make(path)
    return path.read_text().strip()


def _make(path: Path) -> None:
    descriptor, draft = tempfile.mkstemp(dir=path.parent)  # for its owner alone, from the first moment
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(50) + "\n")
    # A link, unlike a rename, never replaces: the first of two wins, whole, and both read its key.
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    Path(draft).unlink()
