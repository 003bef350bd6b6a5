"""The settings in the documents are those that the code reads, with their defaults."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from project import environment
from project.environment import ROOT
from switchboard.conf import Settings
from tests.architecture.documents import quoted, read, rows, section

#: The settings whose default no value of the variable could say.
_MADE_BY_CODE = {"SECRET_KEY"}


class Asked(Mapping[str, str]):
    """An empty environment that remembers what was asked of it."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


@pytest.fixture
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The checkout is an empty folder, so that defaults make nothing in the real one."""
    monkeypatch.setattr(environment, "ROOT", tmp_path)


def documented_settings() -> dict[str, str]:
    return {quoted(name)[0]: default for name, default, _ in rows(section(read("README.md"), "Settings"))}


@pytest.mark.usefixtures("_elsewhere")
def test_the_readme_has_every_setting() -> None:
    asked = Asked()
    environment.read(asked)
    assert set(documented_settings()) == asked.names


@pytest.mark.usefixtures("_elsewhere")
@pytest.mark.parametrize(("name", "default"), documented_settings().items())
def test_the_readme_has_their_defaults(name: str, default: str) -> None:
    attribute = {"DATABASE_URL": "databases"}.get(name, name.lower())

    def value(source: dict[str, str]) -> Any:
        found = getattr(environment.read(MappingProxyType(source)), attribute)
        return set(found) if isinstance(found, list) else found

    if default == "none":
        assert not value({})
    elif name in _MADE_BY_CODE:
        assert not default.startswith("`")
    else:
        [said] = re.findall(r"^`([^`]*)`$", default)
        assert value({name: said}) == value({})


def test_operations_has_the_settings_of_the_machinery() -> None:
    table = rows(section(read("docs/operations.md"), "Tuning").partition("And the labels")[0])
    said = {quoted(key)[0]: eval(quoted(default)[0]) for key, default, _ in table}  # our own arithmetic
    assert said == {field.name: field.default for field in fields(Settings)}


def test_operations_has_the_settings_of_the_chat() -> None:
    used = {name for path in (ROOT / "chat").glob("*.py") for name in re.findall(r'"(CHAT_[A-Z_]+)"', path.read_text())}
    assert used == set(re.findall(r"^\| `(CHAT_[A-Z_]+)`", read("docs/operations.md"), re.M))


def test_the_ceilings_are_those_of_supervisord() -> None:
    conf = read("supervisord.conf")
    ceilings = dict(re.findall(r"^\[(?:fcgi-)?program:(\w+)\][^\[]*?^numprocs = (\d+)$", conf, re.M | re.S))
    for name, default_and_meaning in ((row[0], row[2]) for row in rows(section(read("README.md"), "Settings"))):
        if name in ("`INTERFACES`", "`WORKERS`"):
            assert f"at most {ceilings[name.strip('`')[:-1].lower()]}" in default_and_meaning
