"""The page's modules that touch no page, under Node's own test runner."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import node_binary

MODULES = Path(__file__).parent / "modules"


@pytest.mark.node
@pytest.mark.parametrize("module", sorted(MODULES.glob("*.test.mjs")), ids=lambda path: path.name.partition(".")[0])
def test_module(module: Path) -> None:
    node = node_binary()
    assert node is not None
    # --no-warnings: without a package.json Node finds out by itself that these are modules, and says so.
    run = subprocess.run([node, "--no-warnings", "--test", str(module)], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stdout + run.stderr
