"""What may be sent to a socket."""

from __future__ import annotations

from typing import Any

import pytest

from switchboard.interface.answers import Answer, read_answer
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
    ],
)
def test_what_makes_no_sense(content: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        read_answer(content)
