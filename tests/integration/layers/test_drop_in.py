"""Where our layers are stricter than Channels asks, or differ. What all layers share is in `tests/contract`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from switchboard.events import InboxEntry
from switchboard.layers import mailroom
from switchboard.layers.capacity import DEFAULT_CONSUMER_CAPACITY
from switchboard.layers.drop_in import ChannelsLayer
from switchboard.layers.memory import MemoryLayer
from switchboard.layers.redis import RedisLayer
from switchboard.testing.contract.acts import PATIENCE, MakeLayer


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
async def layer(request: pytest.FixtureRequest) -> AsyncIterator[ChannelsLayer]:
    made: ChannelsLayer
    if request.param == "memory":
        made = MemoryLayer()
    else:
        make: MakeLayer = request.getfixturevalue("make_layer")
        layer = make()
        assert isinstance(layer, RedisLayer)
        made = layer
    yield made
    await made.flush()
    await made.close()


async def test_a_message_is_a_dict(layer: ChannelsLayer) -> None:
    for call in (layer.send, layer.group_send):
        with pytest.raises(TypeError):
            await call("a", "text")  # type: ignore[arg-type]


async def test_a_channel_is_received_where_it_was_made(layer: ChannelsLayer) -> None:
    name = await layer.new_channel()
    with pytest.raises(TypeError, match="another process or event loop"):
        await asyncio.to_thread(asyncio.run, layer.receive(name))


async def test_a_full_box_drops_what_comes_and_says_so(layer: ChannelsLayer, caplog: pytest.LogCaptureFixture) -> None:
    name, other = await layer.new_channel(), await layer.new_channel()
    for number in range(DEFAULT_CONSUMER_CAPACITY + 1):
        await layer.send(name, {"type": "a", "n": number})
    await layer.send(other, {"type": "read up to here"})
    with caplog.at_level(logging.WARNING):
        await layer.receive(other)
    assert "full" in caplog.text
    await layer.send(name, {"type": "a", "n": "last"})
    received = [(await layer.receive(name))["n"] for _ in range(DEFAULT_CONSUMER_CAPACITY + 1)]
    assert received == [*range(DEFAULT_CONSUMER_CAPACITY), "last"]


async def test_a_box_is_bounded_in_bytes_too(layer: ChannelsLayer, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the consumer's own process; a message as large as the specification wants always fits into an empty one."""
    monkeypatch.setattr(mailroom, "MAX_BOX_BYTES", 100_000)
    name, other = await layer.new_channel(), await layer.new_channel()
    for size in (60_000, 60_000, 20_000):
        await layer.send(name, {"type": "a", "nested": [{"text": "x" * size}]})
    await layer.send(other, {"type": "read up to here"})
    await layer.receive(other)
    assert [len((await layer.receive(name))["nested"][0]["text"]) for _ in range(2)] == [60_000, 20_000]
    await layer.send(name, {"type": "a", "text": "x" * 1_000_000})
    assert len((await layer.receive(name))["text"]) == 1_000_000


async def test_a_lonely_consumer_is_told_at_once(layer: ChannelsLayer) -> None:
    """With its message the last one who waits is gone, so the inbox is read no more: it must not wait for that."""
    name = await layer.new_channel()
    began = time.monotonic()
    for number in range(20):
        receiving = asyncio.create_task(layer.receive(name))
        await asyncio.sleep(0)
        await layer.send(name, {"type": "a", "n": number})
        assert (await receiving)["n"] == number
    assert time.monotonic() - began < 20.0  # a read of the inbox that is not called off takes 2 s, each time


async def test_a_read_that_was_begun_before_a_flush_skips_nothing_after_it(
    layer: ChannelsLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()
    read_inbox = layer.read_inbox

    async def read(interface: str, after: int, *, wait: float, **options: Any) -> Sequence[InboxEntry]:
        if after == 3:
            begun.set()
        return await read_inbox(interface, after, wait=wait, **options)

    monkeypatch.setattr(layer, "read_inbox", read)
    before = await layer.new_channel()
    for number in range(3):
        await layer.send(before, {"type": "a", "n": number})
        await layer.receive(before)
    waiting = asyncio.create_task(layer.receive(before))
    await begun.wait()  # the inbox is read, after its third entry
    await layer.flush()
    name = await layer.new_channel()
    for number in range(8):
        await layer.send(name, {"type": "a", "n": number})

    assert [(await layer.receive(name))["n"] for _ in range(8)] == list(range(8))
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting


async def test_who_waits_hears_of_an_error_of_the_reader(layer: ChannelsLayer, monkeypatch: pytest.MonkeyPatch) -> None:
    """All who wait: the one task that reads for them has ended, and they would wait for ever."""

    async def read(*_arguments: Any, **_options: Any) -> Sequence[InboxEntry]:
        raise ZeroDivisionError

    names = [await layer.new_channel() for _ in range(3)]
    with monkeypatch.context() as patch:
        patch.setattr(layer, "read_inbox", read)
        async with asyncio.timeout(PATIENCE):
            ends = await asyncio.gather(*map(layer.receive, names), return_exceptions=True)
    assert [type(end) for end in ends] == [ZeroDivisionError] * 3
    await layer.send(names[0], {"type": "a"})
    assert await layer.receive(names[0]) == {"type": "a"}


async def test_nothing_is_kept_for_consumers_that_are_gone(layer: ChannelsLayer) -> None:
    for _ in range(3):
        name = await layer.new_channel()
        await layer.send(name, {"type": "a"})
        await layer.receive(name)
        receiving = asyncio.create_task(layer.receive(name))
        await asyncio.sleep(0)
        receiving.cancel()  # as the end of its socket does
        with contextlib.suppress(asyncio.CancelledError):
            await receiving
    [room] = layer._mailrooms[asyncio.get_running_loop()].values()
    assert room._boxes == {}
