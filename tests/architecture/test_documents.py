"""What the documents say of the code, held against the code: links, settings, names, the wire, the example."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

import switchboard
from chat import dialects
from chat.dialects import DIALECTS, Dialect
from chat.protocol import About, Line, Person, Refusal, Welcome
from project import environment
from project.environment import ROOT
from switchboard.conf import Settings
from switchboard.interface.application import opening
from switchboard.interface.http import request_content

DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])

#: The settings whose default no value of the variable could say.
_MADE_BY_CODE = {"SECRET_KEY"}


def read(name: str) -> str:
    return (ROOT / name).read_text()


def section(text: str, heading: str) -> str:
    """What stands under a heading, up to the next one of its level or above."""
    [(level, start)] = [
        (len(found[1]), found.end()) for found in re.finditer(r"^(#+) (.*)$", text, re.M) if found[2] == heading
    ]
    rest = text[start:]
    end = re.search(rf"^#{{1,{level}}} ", rest, re.M)
    return rest[: end.start()] if end else rest


def rows(text: str) -> list[list[str]]:
    """The cells of all tables in a text, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    ruled = [index for index, row in enumerate(cells) if set("".join(row)) <= set("-: ")]
    return [row for index, row in enumerate(cells) if index not in ruled and index + 1 not in ruled]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def prose(document: Path) -> str:
    """A document without its blocks of code."""
    return re.sub(r"^```.*?^```", "", document.read_text(), flags=re.M | re.S)


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


# -- settings


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
    return re.search(r"logger\.\w+\([^)]*" + r"[^\"]*?".join(pieces), source, re.S) is not None


def test_some_are_named() -> None:
    assert {"switchboard.names", "tests/contract"} <= set(named_paths(ROOT / "docs" / "architecture.md"))


# -- the wire

_SCOPE: dict[str, Any] = {
    "path": "/", "headers": [], "query_string": b"", "method": "GET", "scheme": "http", "http_version": "1.1"
}  # fmt: skip


@pytest.mark.parametrize(
    ("channel", "content"),
    [
        ("websocket.connect", {**opening(_SCOPE).content, "order": 0, "reply_channel": ""}),
        ("http.request", request_content(_SCOPE, b"", "")),
    ],
)
def test_the_keys_of_a_message(channel: str, content: Mapping[str, Any]) -> None:
    said = {quoted(key)[0] for key, _ in rows(section(read("docs/wire.md"), f"`{channel}`"))}
    assert said == set(content)


def test_the_keys_in_redis() -> None:
    lua = read("switchboard/layers/redis/lua/prelude.lua")
    said = {quoted(row[0])[0].partition(":")[0] for row in rows(section(read("docs/wire.md"), "Keys in Redis"))}
    assert said == set(re.findall(r"PREFIX \.\. ':(\w+)", lua))


def test_the_reasons_of_a_nack() -> None:
    sources = [path.read_text() for path in (ROOT / "chat").glob("*.py")]
    made = r'(?:Refusal|BadHandle)\(\s*"([a-z-]+)"'
    used = {code for source in sources for code in re.findall(made, source)}
    table = [row for name in ("switchboard.v1", "Over HTTP") for row in rows(section(read("docs/wire.md"), name))]
    assert used == {quoted(code)[0] for code, _ in table if not quoted(code)[0].startswith("/")}


def frames(dialect: str, arrow: str) -> list[str]:
    text = section(read("docs/wire.md"), dialect)
    return re.findall(rf"^{arrow} (.*)$", text, re.M)


def documented_dialects() -> list[tuple[str, Dialect]]:
    return [("switchboard.v1" if name == "v1" else name, dialect) for name, dialect in DIALECTS.items()]


@pytest.mark.parametrize(("heading", "dialect"), documented_dialects())
def test_what_a_client_sends_is_understood(heading: str, dialect: Dialect) -> None:
    requests = [dialect.parse(frame) for frame in frames(heading, "→")]
    assert requests
    assert not [request for request in requests if isinstance(request, Refusal)]


@pytest.mark.parametrize(("heading", "dialect"), documented_dialects())
def test_what_a_server_sends_is_documented(heading: str, dialect: Dialect) -> None:
    line = Line(
        seq=1, id=1, handle="ada", body="hello", at=datetime(2026, 2, 20, 19, 48, tzinfo=UTC), cid="c", person="p"
    )
    you, about = Person("p", "ada"), About("tea")
    sent = [
        dialect.line(line),
        dialect.ack(line, "c"),
        dialect.nack(Refusal("unknown", "…", "c")),
        dialect.nack(Refusal("unknown", "…", "c", retry=True, wait=1.0)),
        dialect.welcome(Welcome(1, [line], False, you, [you], 1, about)),
        dialect.you(you),
        dialect.person(you, here=True),
        dialect.people(1),
        dialect.typing(you),
        dialect.about(about),
        dialect.deleted(1),
        dialect.muted("p", muted=True),
        dialect.line(replace(line, deleted=True)),
        dialect.pong(),
        dialect.frames.get("busy"),
    ]
    assert {shape(frame) for frame in frames(heading, "←")} == {shape(frame) for frame in sent if frame is not None}


def shape(frame: str) -> tuple[str | None, frozenset[str]]:
    content = json.loads(frame)
    return content.get("t"), frozenset(content)


def test_the_timestamp_of_the_classic_dialect() -> None:
    [frame] = frames("classic", "←")
    assert json.loads(frame)["timestamp"] == dialects.short_time(datetime(2016, 2, 20, 19, 48, tzinfo=UTC))


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
