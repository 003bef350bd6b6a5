"""A response waits for the inbox of its interface to be read."""

from __future__ import annotations

import threading

import pytest

from switchboard import responses
from switchboard.bridging import call
from switchboard.channels import Channel
from switchboard.events import Reply
from switchboard.layers.memory import MemoryLayer
from switchboard.names import new_interface, new_reply_channel
from switchboard.responses import PART_BYTES, ClientGone, ResponseWriter
from switchboard.testing.waiting import wait_until

INTERFACE = new_interface()


@pytest.fixture
def layer() -> MemoryLayer:
    layer = MemoryLayer()
    call(layer, lambda layer: layer.open_inbox(INTERFACE))
    return layer


def writer_on(layer: MemoryLayer) -> ResponseWriter:
    return ResponseWriter(layer, Channel(new_reply_channel(INTERFACE), channel_layer=layer), 200, [])


def read(layer: MemoryLayer, after: int) -> list[int]:
    """The sizes of what is in the inbox, of which all up to ``after`` is dropped."""
    entries = call(layer, lambda layer: layer.read_inbox(INTERFACE, after, wait=0, drop=True))
    contents = [event.content["content"] for entry in entries for event in entry.events if isinstance(event, Reply)]
    return [len(content) for content in contents]


def test_parts_wait_for_the_inbox_to_be_read(layer: MemoryLayer, settings: pytest.MonkeyPatch) -> None:
    settings.SWITCHBOARD = {"INBOX_WINDOW_BYTES": 5 * PART_BYTES // 2}  # type: ignore[attr-defined]
    # Three responses at once: each for itself is far below its own window.
    threads = [
        threading.Thread(target=writer_on(layer).write, args=(bytes(2 * PART_BYTES),), kwargs={"more": False})
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    wait_until(lambda: read(layer, 0) == [PART_BYTES] * 2, "two parts are there")
    writer_on(layer).write(b"a small page", more=False)
    assert read(layer, 0) == [PART_BYTES] * 2 + [len(b"a small page")], "no other part, and a small one has room"
    after, got = 3, 2
    while got < 6:
        parts = read(layer, after)
        assert sum(parts) <= 5 * PART_BYTES // 2
        after, got = after + len(parts), got + len(parts)
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


def test_an_interface_that_reads_nothing_is_given_up(layer: MemoryLayer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responses, "STALLED_SECONDS", 0.05)
    monkeypatch.setattr(
        responses, "get_settings", lambda: type("S", (), {"INBOX_WINDOW_BYTES": 10, "HTTP_WINDOW_BYTES": 10**6})
    )
    writer = writer_on(layer)
    writer.write(b"the first", more=True)
    with pytest.raises(ClientGone):
        writer.write(b"the second", more=False)
    assert read(layer, 0) == [len(b"the first")]
