"""What a frame is taken for, in every dialect."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import dialects, protocol
from chat.dialects import DIALECTS, Dialect
from chat.protocol import About, Hello, Line, Person, Ping, Post, Refusal, Rename, Typing, Welcome
from tests.unit.chat.sayings import said_in

LINE = Line(7, 70, "ada", "<b>hi</b> ✿", datetime(2026, 2, 20, 19, 48, 5, 123456, UTC), cid="c-1", user="ada")
ADA = Person("p1", "ada", "ada", keys=True)
ABOUT = About("Tea", "cups", retention=30)
WELCOME = Welcome(7, [LINE], reset=True, you=ADA, people=[ADA], count=2, about=ABOUT, burst=8)

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
    assert json.loads(DIALECTS[dialect].line(LINE) or "") == frame


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


def test_a_handle_may_be_left_out_where_the_server_knows_it() -> None:
    assert DIALECTS["v1"].parse('{"t": "msg", "cid": "c-1", "body": "hi"}') == Post("", "hi", "c-1")
    for name in ("classic", "public"):
        refusal = DIALECTS[name].parse('{"message": "hi"}')
        assert isinstance(refusal, Refusal) and refusal.code == "bad-handle"


@pytest.mark.parametrize("name", ["classic", "public", "v1"])
@pytest.mark.parametrize(
    ("code", "handle"),
    [
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
        ({"t": "hello", "handle": "ada"}, Hello(None, "ada")),
        ({"t": "hello", "handle": 5}, Hello(None)),
        ({"t": "handle", "handle": "ada"}, Rename("ada")),
        ({"t": "handle"}, Rename(None)),
        ({"t": "typing"}, Typing()),
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


def test_the_sayings_are_all_that_a_dialect_can_say() -> None:
    methods = {name for name, value in vars(Dialect).items() if callable(value) and not name.startswith("_")}
    assert {name.partition(":")[0] for name in said_in(DIALECTS["v1"])} == methods - {"parse", "read", "said"}
    assert None not in said_in(DIALECTS["v1"]).values()


def test_the_old_dialects_have_messages_and_no_answers() -> None:
    for name in ("classic", "tutorial", "public"):
        old = DIALECTS[name]
        assert [what for what, frame in said_in(old).items() if frame is not None] == ["line"]
        assert old.frames == {}


def test_v1_answers() -> None:
    v1 = DIALECTS["v1"]
    assert json.loads(v1.ack(LINE, "c-1") or "") == {
        "t": "ack",
        "cid": "c-1",
        "seq": 7,
        "at": "2026-02-20T19:48:05.123Z",
    }
    welcome = json.loads(v1.welcome(WELCOME) or "")
    assert welcome.pop("missed") == [{k: v for k, v in json.loads(v1.line(LINE) or "").items() if k != "t"}]
    assert welcome == {
        "t": "welcome",
        "v": 1,
        "you": {"person": "p1", "handle": "ada", "user": "ada", "keys": True},
        "people": [{"person": "p1", "handle": "ada", "user": "ada"}],
        "count": 2,
        "room": {"name": "Tea", "topic": "cups", "locked": False, "retention": 30},
        "seq": 7,
        "limits": {"message": 2000, "handle": 32, "frame": 32768, "burst": 8},
        "reset": True,
    }
    assert {name: json.loads(frame)["t"] for name, frame in v1.frames.items()} == {
        "busy": "busy",
        "failed": "nack",
        "resync": "resync",
        "moving": "moving",
    }


def test_what_v1_tells_of_people_and_rooms() -> None:
    v1 = DIALECTS["v1"]
    told = [
        v1.you(ADA),
        v1.person(Person("p2"), here=True),
        v1.people(300),
        v1.typing(ADA),
        v1.about(ABOUT),
        v1.deleted(7),
        v1.line(replace(LINE, deleted=True)),
        v1.nack(Refusal("slow-down", "Wait.", "c-1", retry=True, wait=2.1)),
    ]
    assert [json.loads(frame or "") for frame in told] == [
        {"t": "you", "person": "p1", "handle": "ada", "user": "ada", "keys": True},
        {"t": "person", "person": "p2", "handle": None, "here": True},
        {"t": "people", "count": 300},
        {"t": "typing", "person": "p1", "handle": "ada"},
        {"t": "room", "name": "Tea", "topic": "cups", "locked": False},
        {"t": "deleted", "seq": 7},
        {"t": "msg", "seq": 7, "id": 70, "at": "2026-02-20T19:48:05.123Z", "deleted": True},
        {"t": "nack", "cid": "c-1", "code": "slow-down", "text": "Wait.", "retry": True, "wait": 3},
    ]


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
kinds = st.sampled_from(["msg", "hello", "handle", "typing", "ping"])
nearly_right = st.dictionaries(keys, json_values | kinds, max_size=6)


@ALL
@given(content=nearly_right | json_values)
def test_no_json_makes_a_dialect_raise(dialect: Dialect, content: object) -> None:
    said = dialect.parse(json.dumps(content))
    if isinstance(said, Post):
        assert len(said.handle) <= 128 and 1 <= len(said.body) <= 2_000
        assert said.handle or dialect.name == "v1"
        assert (said.handle + said.body).encode()
    if isinstance(said, Refusal):
        answer = dialect.nack(said)
        assert answer is None or answer.encode()


@ALL
@given(text=st.text(st.characters()))
def test_no_text_makes_a_dialect_raise(dialect: Dialect, text: str) -> None:
    dialect.parse(text)
