"""What the documents name is there: links, public names, modules, log lines, the imports, the example."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import switchboard
from project.environment import ROOT
from tests.architecture.documents import DOCUMENTS, prose, quoted, read, rows, section

# -- links


def targets(document: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", prose(document))


def anchors(document: Path) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(document), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    broken = []
    for target in targets(document):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (document.parent / path).resolve() if path else document
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(target)
    assert broken == []


def test_every_document_is_linked() -> None:
    reached = {
        (document.parent / target.partition("#")[0]).resolve() for document in DOCUMENTS for target in targets(document)
    }
    assert [document for document in DOCUMENTS if document not in reached and document.name != "README.md"] == []


# -- names


def test_the_readme_has_every_public_name() -> None:
    table = rows(section(read("README.md"), "Writing a consumer"))
    said = [name for row in table for name in quoted(row[1])]
    assert sorted(said) == sorted(switchboard.__all__)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_what_is_imported_in_examples_is_public(document: Path) -> None:
    imported = re.findall(r"^from switchboard import (.*)$", document.read_text(), re.M)
    names = {name.strip() for line in imported for name in line.split(",")}
    assert names <= set(switchboard.__all__)


#: They look like modules, and are a channel and a subprotocol.
_NO_MODULES = {"chat.log", "switchboard.v1"}


def named_paths(document: Path) -> list[str]:
    """The files and modules that a document names."""
    roots = "switchboard|chat|project|tests|benchmarks|docs"
    return [
        name
        for name in quoted(prose(document))
        if re.fullmatch(rf"({roots})((\.\w+)+|/[\w/.]+)", name) and name not in _NO_MODULES
    ]


def is_there(name: str) -> bool:
    """Whether this is a file or folder of the checkout, a module, or a name that a module defines."""
    if "/" in name:
        return (ROOT / name).exists()
    module, _, attribute = name.rpartition(".")
    whole, part = ROOT / name.replace(".", "/"), ROOT / module.replace(".", "/")
    if whole.is_dir() or whole.with_suffix(".py").is_file():
        return True
    source = part / "__init__.py" if part.is_dir() else part.with_suffix(".py")
    return source.is_file() and re.search(rf"^{attribute} ?[=:]", source.read_text(), re.M) is not None


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_the_modules_and_files_that_are_named_are_there(document: Path) -> None:
    assert [name for name in named_paths(document) if not is_there(name)] == []


def test_the_picture_of_the_imports_is_the_contract() -> None:
    [contract] = [
        contract
        for contract in tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    ]
    picture = re.findall(r"```text\n(.*?)```", section(read("docs/architecture.md"), "Who imports whom"), re.S)[0]
    said = [set(line.replace("|", " ").split()) for line in picture.splitlines()]
    assert said == [set(layer.replace(":", " ").split()) for layer in contract["layers"]]


def test_what_a_log_line_says_is_what_the_code_says() -> None:
    sources = [path.read_text() for package in ("switchboard", "chat") for path in (ROOT / package).rglob("*.py")]
    lines = [phrase for row in rows(section(read("docs/operations.md"), "Looking")) for phrase in quoted(row[0])]
    assert len(lines) > 10
    assert [phrase for phrase in lines if not any(says(phrase, source) for source in sources)] == []


def says(phrase: str, source: str) -> bool:
    """Whether the source logs this, an ellipsis standing for whatever is filled in."""
    pieces = [re.escape(piece.strip()) for piece in phrase.split("…") if piece.strip(" :")]
    return re.search(r"(?:logger\.\w+|Outage)\([^)]*" + r"[^\"]*?".join(pieces), source, re.S) is not None


def test_some_are_named() -> None:
    assert {"switchboard.names", "tests/contract"} <= set(named_paths(ROOT / "docs" / "architecture.md"))


# -- the example


def examples() -> dict[str, str]:
    found = re.findall(r"^<!-- example: (\S+) -->\n```python\n(.*?)^```", read("README.md"), re.M | re.S)
    return dict(found)


def test_the_example_in_the_readme_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "lobby.py").write_text(examples()["lobby.py"])
    (tmp_path / "routing_of_the_readme.py").write_text(examples()["routing.py"])
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "switchboard.layers.memory.MemoryLayer"}}
    settings.CHANNEL_ROUTING = "routing_of_the_readme.channel_routing"
    names: dict[str, Any] = {}
    exec(compile(examples()["test_lobby.py"], "README.md", "exec"), names)
    tests: list[Callable[[], None]] = [value for name, value in names.items() if name.startswith("test_")]
    assert tests
    for test in tests:
        test()
