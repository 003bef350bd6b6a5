"""Who imports whom, and what is public."""

from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import chat
import project
import switchboard
from project.environment import ROOT

#: Modules that do something when imported, as their purpose is.
_STARTS = {"project.run.__main__", "switchboard.interface.__main__"}


def modules() -> list[str]:
    found = []
    for package in (switchboard, chat, project):
        walk = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        found += [info.name for info in walk if info.name not in _STARTS and ".migrations" not in info.name]
    return found


def test_the_contracts_hold() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("name", modules())
def test_what_a_module_offers_is_there(name: str) -> None:
    module = importlib.import_module(name)
    offered = getattr(module, "__all__", [])
    assert [one for one in offered if not hasattr(module, one)] == []
    assert len(set(offered)) == len(offered)


def test_each_public_name_is_its_homes() -> None:
    for name in switchboard.__all__:
        home = importlib.import_module(getattr(switchboard, name).__module__)
        assert getattr(home, name) is getattr(switchboard, name)


def test_the_root_is_lazy() -> None:
    code = (
        "import sys, switchboard; print(*(name for name in sys.modules if name.startswith(('switchboard.', 'django'))))"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=re.escape("no_such_name")):
        _ = switchboard.no_such_name
