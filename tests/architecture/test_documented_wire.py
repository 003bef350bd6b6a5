"""docs/wire.md says what goes over the wire: keys, reasons, and the frames of each dialect."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from chat import dialects
from chat.dialects import DIALECTS, Dialect
from chat.protocol import Refusal
from project.environment import ROOT
from switchboard.interface.application import opening
from switchboard.interface.http import request_content
from tests.architecture.documents import quoted, read, rows, section
from tests.unit.chat.sayings import said_in

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
    sent = [*said_in(dialect).values(), dialect.frames.get("busy")]
    assert {shape(frame) for frame in frames(heading, "←")} == {shape(frame) for frame in sent if frame is not None}


def shape(frame: str) -> tuple[str | None, frozenset[str]]:
    content = json.loads(frame)
    return content.get("t"), frozenset(content)


def test_the_timestamp_of_the_classic_dialect() -> None:
    [frame] = frames("classic", "←")
    assert json.loads(frame)["timestamp"] == dialects.short_time(datetime(2016, 2, 20, 19, 48, tzinfo=UTC))
