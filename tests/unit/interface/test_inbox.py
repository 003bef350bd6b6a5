"""How many entries of its inbox an interface asks for, and when it drops what it has taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from switchboard.events import InboxEntry
from switchboard.exceptions import InboxRemoved
from switchboard.interface.inbox import DROP_BYTES, FIRST_READ, READ_BYTES, Inbox, ReadSize
from switchboard.interface.recovery import Hole
from switchboard.layers.base import MAX_READ, Beat
from switchboard.layers.memory import MemoryLayer


def entries(*sizes: int) -> list[InboxEntry]:
    return [InboxEntry(number, (), size=size) for number, size in enumerate(sizes, 1)]


def test_a_flood_of_small_entries_is_read_by_more_and_more_and_no_more_than_the_layer_gives() -> None:
    size, asked = ReadSize(), [FIRST_READ]
    while asked[-1] < MAX_READ:
        size.learn(entries(*[100] * asked[-1]))
        assert asked[-1] < size.entries <= 2 * asked[-1]
        asked.append(size.entries)
    size.learn(entries(*[100] * MAX_READ))
    assert size.entries == MAX_READ


@pytest.mark.parametrize("large", [READ_BYTES // 40, READ_BYTES // 4, READ_BYTES, 3 * READ_BYTES])
def test_entries_as_large_as_the_largest_fit_into_the_next_read(large: int) -> None:
    size = ReadSize()
    size.learn(entries(*[100] * FIRST_READ))
    size.learn(entries(*[100] * 30, large))
    assert size.entries * large <= max(READ_BYTES, large)
    assert size.entries >= 1


def test_when_little_comes_little_is_asked_for() -> None:
    size = ReadSize()
    for count in (32, 64, 128, 256):
        size.learn(entries(*[100] * count))
    for count in (200, 50, 1):
        size.learn(entries(*[100] * count))
        assert size.entries == max(FIRST_READ, min(2 * count, MAX_READ))
    size.learn([])
    assert size.entries == FIRST_READ


class Recorder(MemoryLayer):
    """Gives entries as it is told to, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.next: list[InboxEntry] = []
        self.asked: list[dict[str, Any]] = []

    async def read_inbox(self, interface: str, after: int, **options: Any) -> Sequence[InboxEntry]:
        self.asked.append(options)
        return self.next


async def test_small_messages_are_dropped_once_they_are_many() -> None:
    layer = Recorder()
    inbox = Inbox(layer)
    inbox.opened(await inbox.open())
    each = DROP_BYTES // 4
    for number in range(1, 10):
        layer.next = [InboxEntry(number, (), size=each)]
        for entry in await inbox.read(wait=1):
            inbox.take(entry)
    assert [asked["drop"] for asked in layer.asked] == [False] * 4 + [True] + [False] * 3 + [True]


async def test_a_removed_inbox_is_a_hole_and_no_reason_to_start_over(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    layer = MemoryLayer()
    inbox = Inbox(layer)
    inbox.opened(await inbox.open())

    async def beat(interface: str, read: int) -> Beat:
        raise InboxRemoved(interface)

    monkeypatch.setattr(layer, "beat", beat)
    with pytest.raises(Hole):
        await inbox.beat()
    assert f"the inbox of {inbox.name} was removed" in caplog.text
