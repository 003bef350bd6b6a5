"""What a frame is taken for, in every dialect."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import dialects, protocol
from chat.dialects import DIALECTS, Dialect
from chat.protocol import Hello, Line, Ping, Post, Refusal

LINE = Line(7, 70, "ada", "<b>hi</b> ✿", datetime(2026, 2, 20, 19, 48, 5, 123456, UTC), cid="c-1", user="ada")

ALL = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda dialect: dialect.name)


def frame_of(dialect: Dialect, handle: object, body: object) -> dict[str, object]:
    """The frame in which this dialect says something."""
    return {
        "classic": {"handle": handle, "message": body},
        "tutorial": {"message": body},
        "public": {"sender": handle, "message": body},
        "v1": {"t": "msg", "cid": "c-1", "handle": handle, "body": body},
    }[dialect.name]


@ALL
def test_a_message_is_read(dialect: Dialect) -> None:
    said = dialect.parse(json.dumps(frame_of(dialect, " ada ", " two\nlines ")))
    handle = "anonymous" if dialect.name == "tutorial" else "ada"
    assert said == Post(handle, " two\nlines ", "c-1" if dialect.name == "v1" else None)


@pytest.mark.parametrize(
    ("dialect", "frame"),
    [
        ("classic", {"handle": "ada", "message": LINE.body, "timestamp": "Feb 20 7:48 PM"}),
        ("tutorial", {"message": LINE.body}),
        ("public", {"sender": "ada", "message": LINE.body}),
        (
            "v1",
            {
                "t": "msg",
                "seq": 7,
                "id": 70,
                "cid": "c-1",
                "handle": "ada",
                "body": LINE.body,
                "at": "2026-02-20T19:48:05.123Z",
                "user": "ada",
            },
        ),
    ],
)
def test_a_line_is_written(dialect: str, frame: dict[str, object]) -> None:
    assert json.loads(DIALECTS[dialect].line(LINE)) == frame


@pytest.mark.parametrize(
    ("hour", "minute", "text"),
    [(0, 5, "12:05 AM"), (12, 0, "12:00 PM"), (23, 59, "11:59 PM"), (9, 30, "9:30 AM")],
)
def test_the_short_time(hour: int, minute: int, text: str) -> None:
    assert dialects.short_time(datetime(2026, 3, 1, hour, minute, tzinfo=UTC)) == f"Mar 1 {text}"


BAD_FRAMES = [
    ("not-json", "hello"),
    ("not-json", ""),
    ("not-json", "[" * 20_000),
    ("not-json", "9" * 5_000),
    ("not-an-object", "[]"),
    ("not-an-object", '"text"'),
    ("not-an-object", "null"),
    ("too-big", '{"message": "' + "x" * protocol.FRAME_LIMIT + '"}'),
    ("too-big", '{"message": "\ud800"}'),
]


@ALL
@pytest.mark.parametrize(("code", "text"), BAD_FRAMES, ids=range(len(BAD_FRAMES)))
def test_what_is_no_object_is_refused(dialect: Dialect, code: str, text: str) -> None:
    refusal = dialect.parse(text)
    assert isinstance(refusal, Refusal) and refusal.code == code


@ALL
@pytest.mark.parametrize(
    ("code", "body"),
    [
        ("bad-message", None),
        ("bad-message", 5),
        ("bad-message", ["hi"]),
        ("bad-message", "\ud83d alone"),
        ("bad-message", "nul \0"),
        ("blank-message", ""),
        ("blank-message", " \n\t\u3000"),
        ("blank-message", "\u200b\u2060\ufeff"),
        ("long-message", "x" * 2_001),
    ],
)
def test_a_bad_message_is_refused(dialect: Dialect, code: str, body: object) -> None:
    refusal = dialect.parse(json.dumps(frame_of(dialect, "ada", body)))
    assert isinstance(refusal, Refusal) and refusal.code == code
    assert refusal.cid == ("c-1" if dialect.name == "v1" else None)


@pytest.mark.parametrize("name", ["classic", "public", "v1"])
@pytest.mark.parametrize(
    ("code", "handle"),
    [
        ("bad-handle", None),
        ("bad-handle", True),
        ("bad-handle", "two\nlines"),
        ("bad-handle", "\udfff"),
        ("blank-handle", "  "),
        ("blank-handle", "\u200b"),
        ("long-handle", "x" * 33),
    ],
)
def test_a_bad_handle_is_refused(name: str, code: str, handle: object) -> None:
    refusal = DIALECTS[name].parse(json.dumps(frame_of(DIALECTS[name], handle, "hi")))
    assert isinstance(refusal, Refusal) and refusal.code == code


@ALL
def test_the_limits_count_code_points(dialect: Dialect) -> None:
    body = "🍵" * protocol.MESSAGE_LIMIT
    text = json.dumps(frame_of(dialect, "é" * protocol.HANDLE_LIMIT, body))
    said = dialect.parse(text)
    assert isinstance(said, Post) and said.body == body


@pytest.mark.parametrize(
    ("frame", "request_"),
    [
        ({"t": "hello"}, Hello(None)),
        ({"t": "hello", "last": 0}, Hello(0)),
        ({"t": "hello", "last": 41, "more": 1}, Hello(41)),
        ({"t": "ping"}, Ping()),
    ],
)
def test_v1_requests(frame: dict[str, object], request_: object) -> None:
    assert DIALECTS["v1"].parse(json.dumps(frame)) == request_


@pytest.mark.parametrize(
    ("code", "frame"),
    [
        ("unknown", {}),
        ("unknown", {"t": "shout"}),
        ("unknown", {"t": ["msg"]}),
        ("bad-last", {"t": "hello", "last": -1}),
        ("bad-last", {"t": "hello", "last": True}),
        ("bad-last", {"t": "hello", "last": 1.5}),
        ("bad-last", {"t": "hello", "last": 2**63}),
        ("bad-cid", {"t": "msg", "handle": "a", "body": "b"}),
        ("bad-cid", {"t": "msg", "handle": "a", "body": "b", "cid": ""}),
        ("bad-cid", {"t": "msg", "handle": "a", "body": "b", "cid": 5}),
        ("bad-cid", {"t": "msg", "handle": "a", "body": "b", "cid": "two words"}),
        ("bad-cid", {"t": "msg", "handle": "a", "body": "b", "cid": "c" * 65}),
    ],
)
def test_v1_says_what_was_wrong(code: str, frame: dict[str, object]) -> None:
    v1 = DIALECTS["v1"]
    refusal = v1.parse(json.dumps(frame))
    assert isinstance(refusal, Refusal) and refusal.code == code
    nack = json.loads(v1.nack(refusal) or "")
    assert nack == {"t": "nack", "code": code, "text": refusal.text, "retry": False}


def test_the_old_dialects_have_no_answers() -> None:
    for name in ("classic", "tutorial", "public"):
        old = DIALECTS[name]
        answers = [
            old.ack(LINE, "c-1"),
            old.nack(Refusal("unknown", "?")),
            old.welcome(7, [LINE], reset=False, user=None),
            old.pong(),
        ]
        assert answers == [None] * 4
        assert old.frames == {}


def test_v1_answers() -> None:
    v1 = DIALECTS["v1"]
    assert json.loads(v1.ack(LINE, "c-1") or "") == {
        "t": "ack",
        "cid": "c-1",
        "seq": 7,
        "at": "2026-02-20T19:48:05.123Z",
    }
    welcome = json.loads(v1.welcome(7, [LINE], reset=True, user="ada") or "")
    assert welcome.pop("missed") == [{k: v for k, v in json.loads(v1.line(LINE)).items() if k != "t"}]
    assert welcome == {
        "t": "welcome",
        "v": 1,
        "you": {"user": "ada"},
        "seq": 7,
        "limits": {"message": 2000, "handle": 32, "frame": 32768},
        "reset": True,
    }
    assert {name: json.loads(frame)["t"] for name, frame in v1.frames.items()} == {
        "busy": "busy",
        "failed": "nack",
        "resync": "resync",
        "moving": "moving",
    }


def test_a_page_socket_speaks_v1_only_when_it_offers_to() -> None:
    assert dialects.of_page([]).name == "classic"
    assert dialects.of_page(["graphql-ws"]).name == "classic"
    assert dialects.of_page(["chat", "switchboard.v1"]).name == "v1"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(["t", "handle", "sender", "message", "body", "cid", "last"])
nearly_right = st.dictionaries(keys, json_values | st.sampled_from(["msg", "hello", "ping"]), max_size=6)


@ALL
@given(content=nearly_right | json_values)
def test_no_json_makes_a_dialect_raise(dialect: Dialect, content: object) -> None:
    said = dialect.parse(json.dumps(content))
    if isinstance(said, Post):
        assert 1 <= len(said.handle) <= 32 and 1 <= len(said.body) <= 2_000
        assert (said.handle + said.body).encode()
    if isinstance(said, Refusal):
        answer = dialect.nack(said)
        assert answer is None or answer.encode()


@ALL
@given(text=st.text(st.characters()))
def test_no_text_makes_a_dialect_raise(dialect: Dialect, text: str) -> None:
    dialect.parse(text)
