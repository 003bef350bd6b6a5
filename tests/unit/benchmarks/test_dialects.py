"""The framings of the load generator: ours held against the chat's own dialects, Socket.IO's against its protocol."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from benchmarks.load.dialects import DIALECTS, Kind, Reading, key_in, text_of
from chat.dialects import DIALECTS as SPOKEN
from chat.protocol import About, Hello, Line, Person, Post, Refusal, Welcome

KEY = 1_700_000_000_000_123
V1, CLASSIC, SOCKET_IO = DIALECTS["v1"], DIALECTS["classic"], DIALECTS["socket.io"]
LINE = Line(seq=1, id=1, handle="ada", body=text_of(KEY), at=datetime(2026, 2, 20, tzinfo=UTC), cid="c")


@pytest.mark.parametrize("name", DIALECTS)
def test_what_is_said_carries_its_key(name: str) -> None:
    assert key_in(DIALECTS[name].say(KEY).encode()) == KEY


def test_a_frame_of_somebody_else_has_no_key() -> None:
    assert key_in(b'{"t": "pong"}') is None


@pytest.mark.parametrize("name", ["v1", "classic"])
def test_the_chat_takes_what_is_said_for_a_message(name: str) -> None:
    said = SPOKEN[name].parse(DIALECTS[name].say(KEY))
    assert isinstance(said, Post)
    assert (said.handle, said.body) == ("ada", text_of(KEY))


def test_the_chat_takes_the_first_frame_for_a_hello() -> None:
    assert V1.opening is not None
    assert isinstance(SPOKEN["v1"].parse(V1.opening), Hello)


@pytest.mark.parametrize("name", ["v1", "classic"])
def test_a_message_of_the_chat_is_a_delivery(name: str) -> None:
    delivered = SPOKEN[name].line(LINE)
    assert delivered is not None and key_in(delivered.encode()) == KEY


def test_what_the_chat_answers_is_read() -> None:
    chat = SPOKEN["v1"]
    answers = [
        chat.welcome(Welcome(0, [], False, Person("p"), [], 1, About("tea"))),
        chat.ack(LINE, "c"),
        chat.nack(Refusal("unknown", "…", "c")),
        chat.pong(),
    ]
    read = [V1.read(answer.encode()).kind for answer in answers if answer is not None]
    assert read == [Kind.READY, Kind.STORED, Kind.REFUSED, Kind.NOTHING]


def test_an_acknowledgement_is_not_taken_for_a_delivery() -> None:
    """The sender gets both, and a delivery that counts twice would be one too many."""
    acknowledged = SPOKEN["v1"].ack(LINE, json.loads(V1.say(KEY))["cid"])
    assert acknowledged is not None
    assert key_in(acknowledged.encode()) is None


@pytest.mark.parametrize(
    ("frame", "reading"),
    [
        (b'0{"sid":"a","upgrades":[],"pingInterval":25000}', Reading(Kind.NOTHING, answer="40")),
        (b'40{"sid":"b"}', Reading(Kind.READY)),
        (b'44{"message":"no"}', Reading(Kind.REFUSED)),
        (b"2", Reading(Kind.NOTHING, answer="3")),
        (b'42["other",1]', Reading(Kind.NOTHING)),
        (b"6", Reading(Kind.NOTHING)),
    ],
)
def test_socket_io_is_answered(frame: bytes, reading: Reading) -> None:
    assert SOCKET_IO.read(frame) == reading


def test_socket_io_says_an_event() -> None:
    packet = SOCKET_IO.say(KEY)
    assert packet.startswith("42")
    assert json.loads(packet[2:]) == ["message", {"handle": "ada", "message": text_of(KEY)}]


def test_the_room_is_in_the_address() -> None:
    assert V1.target("a") == CLASSIC.target("a") == "/chat/a/"
    assert SOCKET_IO.target("a&b").endswith("room=a%26b")
