"""Inboxes: numbers without a hole, waiting, trimming, the heartbeat."""

from __future__ import annotations

import asyncio

import pytest

from switchboard.events import InboxEntry, Reply
from switchboard.exceptions import InboxLost
from switchboard.layers.base import Layer
from switchboard.names import new_interface, new_reply_channel
from switchboard.testing.contract.acts import PATIENCE, LayerTests, frame, handle, inbox, new_home, new_socket


class InboxTests(LayerTests):
    """`open_inbox`, `close_inbox`, `read_inbox`, `beat`."""

    async def test_an_inbox_opens_empty(self, layer: Layer) -> None:
        interface = new_interface()
        beat = await layer.open_inbox(interface)
        assert beat.last == 0
        assert beat.run_id
        assert await inbox(layer, interface) == []
        assert await layer.beat(interface, 0) == beat

    async def test_numbers_have_no_hole(self, layer: Layer) -> None:
        interface = await new_home(layer)
        socket = await new_socket(layer, interface)
        for order in range(1, 4):
            await handle(layer, frame(socket, order))
            await layer.publish([Reply(socket, {"a": order}), Reply(socket, {"b": order})])
        assert [entry.number for entry in await inbox(layer, interface)] == list(range(1, 8))
        assert (await layer.beat(interface, 0)).last == 7

    async def test_a_send_is_one_entry_in_order(self, layer: Layer) -> None:
        interface = await new_home(layer)
        replies = [Reply(new_reply_channel(interface), {"n": n}) for n in range(3)]
        await layer.publish(replies)
        assert await inbox(layer, interface) == [InboxEntry(1, tuple(replies))]

    async def test_reading_goes_on_after_a_number(self, layer: Layer) -> None:
        interface = await new_home(layer)
        for n in range(5):
            await layer.publish([Reply(new_reply_channel(interface), {"n": n})])
        assert [entry.number for entry in await inbox(layer, interface, 3)] == [4, 5]
        assert await inbox(layer, interface, 5) == []
        assert len(await inbox(layer, interface, 0)) == 5, "reading takes nothing away"

    async def test_a_heartbeat_drops_what_was_read(self, layer: Layer) -> None:
        interface = await new_home(layer)
        for n in range(5):
            await layer.publish([Reply(new_reply_channel(interface), {"n": n})])
        assert (await layer.beat(interface, 3)).last == 5
        assert [entry.number for entry in await inbox(layer, interface, 0)] == [4, 5]
        assert (await layer.beat(interface, 5)).last == 5
        assert await inbox(layer, interface, 0) == []
        await layer.publish([Reply(new_reply_channel(interface), {"n": 5})])
        assert [entry.number for entry in await inbox(layer, interface, 5)] == [6], "numbers go on where they stopped"

    async def test_a_large_inbox_is_read_in_parts(self, layer: Layer) -> None:
        interface, total = await new_home(layer), 1200
        channel = new_reply_channel(interface)
        for n in range(total):
            await layer.publish([Reply(channel, {"n": n})])
        numbers: list[int] = []
        while part := await inbox(layer, interface, len(numbers)):
            assert len(part) < total
            numbers += [entry.number for entry in part]
        assert numbers == list(range(1, total + 1))

    async def test_reading_waits_for_the_first_entry(self, layer: Layer) -> None:
        interface = await new_home(layer)
        reading = asyncio.create_task(layer.read_inbox(interface, 0, wait=PATIENCE))
        while not reading.done():
            await layer.publish([Reply(new_reply_channel(interface), {})])
            await asyncio.wait([reading], timeout=0.05)
        assert (await reading)[0].number == 1

    async def test_reading_gives_up_in_time(self, layer: Layer) -> None:
        interface = await new_home(layer)
        async with asyncio.timeout(PATIENCE):
            assert await layer.read_inbox(interface, 0, wait=0.05) == []

    async def test_a_gone_inbox_is_empty_and_its_heartbeat_an_error(self, layer: Layer) -> None:
        interface = await new_home(layer)
        await layer.publish([Reply(new_reply_channel(interface), {})])
        await layer.close_inbox(interface)
        assert await inbox(layer, interface) == []
        for name in (interface, new_interface()):
            with pytest.raises(InboxLost):
                await layer.beat(name, 0)
        await layer.publish([Reply(new_reply_channel(interface), {})])
        assert await inbox(layer, interface) == []

    async def test_the_run_id_stays(self, layer: Layer) -> None:
        interface = new_interface()
        run_id = (await layer.open_inbox(interface)).run_id
        assert (await layer.beat(interface, 0)).run_id == run_id
        await layer.close_inbox(interface)
        assert (await layer.open_inbox(interface)).run_id == run_id

    async def test_closing_keeps_the_records_of_the_sockets(self, layer: Layer) -> None:
        interface = await new_home(layer)
        socket = await new_socket(layer, interface)
        await layer.close_inbox(interface)
        await handle(layer, frame(socket, 1))
