"""The bytes of a frame, read by another implementation of the protocol."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

import pytest
from websockets.frames import Frame as Read
from websockets.frames import Opcode
from websockets.streams import StreamReader

from switchboard.interface.frames import Frame

T = TypeVar("T")


def result(steps: Generator[None, None, T]) -> T:
    """What a parser returns that has all it needs."""
    try:
        next(steps)
    except StopIteration as done:
        found: T = done.value
        return found
    raise AssertionError("it waits for more")


def read(raw: bytes) -> Read:
    stream = StreamReader()
    stream.feed_data(raw)
    stream.feed_eof()
    found = result(Read.parse(stream.read_exact, mask=False))
    assert result(stream.at_eof()), "nothing is left over"
    return found


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 100_000])
def test_the_length_in_each_of_its_forms(size: int) -> None:
    assert read(Frame(b"x" * size).raw) == Read(Opcode.BINARY, b"x" * size)


def test_text_is_marked_as_such_and_encoded_once() -> None:
    frame = Frame.of_text("grüße")

    assert read(frame.raw) == Read(Opcode.TEXT, "grüße".encode())
    assert frame.raw is frame.raw
    assert frame == Frame.of_text("grüße"), "having been sent makes no difference"
