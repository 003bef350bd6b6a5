"""What may be sent to a socket."""

from __future__ import annotations

from typing import Any

import pytest

from switchboard.interface.answers import MOST_CANNED, MOST_CANNED_BYTES, Answer, read_answer
from switchboard.interface.frames import Frame


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        ({}, Answer()),
        ({"accept": True, "text": None, "close": None}, Answer(accept=True)),
        ({"text": ""}, Answer(frame=Frame(b"", ""))),
        ({"bytes": b""}, Answer(frame=Frame(b""))),
        ({"text": "ä", "close": True}, Answer(frame=Frame("ä".encode(), "ä"), close=1000)),
        ({"close": 4404}, Answer(close=4404)),
        ({"close": 1012}, Answer(close=1012)),
        ({"close": False}, Answer()),
    ],
)
def test_the_format_of_1x(content: dict[str, Any], answer: Answer) -> None:
    assert read_answer(content) == answer


@pytest.mark.parametrize(
    "content",
    [
        {"colour": "red"},
        {"text": "a", "bytes": b"b"},
        {"text": 1},
        {"text": "\ud800"},
        {"bytes": "a"},
        {"accept": "yes"},
        {"close": 999},
        {"close": 1006},
        {"close": 5000},
        {"close": "1000"},
        {"accept": True, "frames": ["busy"]},
        {"accept": True, "frames": {"busy": b"busy"}},
        {"accept": True, "frames": {"busy": "\ud800"}},
        {"accept": True, "answers": "pong"},
        {"accept": True, "answers": {b"ping": "pong"}},
        {"accept": True, "answers": {"ping": {"text": "pong"}}},
        {"accept": True, "answers": {str(number): "pong" for number in range(MOST_CANNED + 1)}},
        {"accept": True, "answers": {"ping": "x" * MOST_CANNED_BYTES}},
    ],
)
def test_what_makes_no_sense(content: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        read_answer(content)


def test_sockets_that_are_given_the_same_share_it() -> None:
    first, second = (read_answer({"accept": True, "answers": {"ping": "pong", "a": "b"}}) for _ in range(2))

    assert first.answers == {"ping": Frame.of_text("pong"), "a": Frame.of_text("b")}
    assert first.answers is second.answers
    assert read_answer({"accept": True, "answers": {"ping": "pang"}}).answers == {"ping": Frame.of_text("pang")}
