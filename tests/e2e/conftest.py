"""A checkout of one's own to run things in."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from project.environment import ROOT
from switchboard.testing.ports import HeldPort

_NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv*", "var", ".env", "__pycache__", "*.pyc", ".*_cache", ".hypothesis", "node_modules"
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this checkout, in a folder with spaces and beyond ASCII in its name, without data."""
    copy = tmp_path_factory.mktemp("run") / "a größer checkout"
    shutil.copytree(ROOT, copy, ignore=_NOT_COPIED, symlinks=True)
    (copy / ".venv").symlink_to(sys.prefix)
    return copy


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """An operator's shell: nothing of these tests' settings, a port of its own, this interpreter's programs first."""
    ours = {"DJANGO_SETTINGS_MODULE", "DATA_DIR", "SECRET_KEY", "REDIS_URL", "DATABASE_URL", "MAKEFLAGS", "MAKELEVEL"}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    programs = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    with closing(HeldPort()) as port:  # tables and static files are made before anybody listens
        yield {**kept, "PORT": str(port.number), "PATH": programs, "PYTHONUNBUFFERED": "1"}
