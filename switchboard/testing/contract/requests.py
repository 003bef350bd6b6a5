"""HTTP requests: run by one worker at most, never late, and reports of what has been written."""

from __future__ import annotations

import asyncio
import time

from switchboard.events import Claimed, Envelope, InboxEntry
from switchboard.layers.base import Layer
from switchboard.names import HTTP_REQUEST, new_reply_channel, token
from switchboard.testing.contract.acts import ANNE, BERT, LOG, PATIENCE, LayerTests, inbox, new_home, note, take
from switchboard.testing.waiting import await_until


def request(interface: str) -> Envelope:
    """A request as an interface puts it."""
    return Envelope(HTTP_REQUEST, token(), {"path": "/", "body": b"\x00"}, new_reply_channel(interface))


class RequestTests(LayerTests):
    """`request`, `claim_request`, `report_written`, `await_reports`."""

    async def test_a_request_is_claimed_once(self, layer: Layer) -> None:
        interface = await new_home(layer)
        envelope = request(interface)
        assert await layer.request(envelope, timeout=PATIENCE)
        delivery = await take(layer, HTTP_REQUEST)
        assert delivery.envelope == envelope
        assert not await layer.claim_request(BERT, delivery)
        assert await layer.claim_request(ANNE, delivery)
        assert not await layer.claim_request(ANNE, delivery)
        assert await layer.depth(HTTP_REQUEST) == 0
        assert envelope.socket is not None
        assert await inbox(layer, interface) == [InboxEntry(1, (Claimed(envelope.socket, ANNE),))]

    async def test_a_request_past_its_time_is_dropped(self, layer: Layer) -> None:
        interface = await new_home(layer)
        await layer.request(request(interface), timeout=0.001)
        queued = time.monotonic()
        delivery = await take(layer, HTTP_REQUEST)
        await await_until(lambda: time.monotonic() > queued + 0.02, "the request is late")
        assert not await layer.claim_request(ANNE, delivery)
        assert await layer.depth(HTTP_REQUEST) == 0
        assert await inbox(layer, interface) == []

    async def test_a_request_whose_client_is_gone_is_dropped(self, layer: Layer) -> None:
        interface = await new_home(layer)
        gone, other = request(interface), request(interface)
        assert gone.socket is not None and other.socket is not None
        for envelope in (gone, other):
            await layer.request(envelope, timeout=PATIENCE)
        await layer.report_written(gone.socket, -1)
        deliveries = [await take(layer, HTTP_REQUEST), await take(layer, HTTP_REQUEST)]
        assert [await layer.claim_request(ANNE, delivery) for delivery in deliveries] == [False, True]
        assert await layer.depth(HTTP_REQUEST) == 0
        assert await inbox(layer, interface) == [InboxEntry(1, (Claimed(other.socket, ANNE),))]
        assert await layer.await_report(gone.socket, wait=0) is None, "nothing is left of it"

    async def test_a_message_of_no_socket_may_have_a_time_limit_too(self, layer: Layer) -> None:
        early, late = note(1), note(2)
        assert await layer.request(early, timeout=PATIENCE)
        assert await layer.request(late, timeout=0.001)
        queued = time.monotonic()
        await await_until(lambda: time.monotonic() > queued + 0.02, "the second one is late")
        deliveries = [await take(layer) for _ in range(2)]
        assert [delivery.envelope for delivery in deliveries] == [early, late]
        assert [await layer.claim_request(ANNE, delivery) for delivery in deliveries] == [True, False]
        assert await layer.depth(LOG) == 0

    async def test_late_ones_at_the_head_of_a_full_channel_make_room(self, small: Layer) -> None:
        """Two messages fill it. One that somebody has taken stays, late or not; so does one that never is late."""
        for _ in range(2):
            assert await small.request(note(), timeout=0.001)
        queued = time.monotonic()
        await await_until(lambda: time.monotonic() > queued + 0.02, "they are late")
        assert await small.has_room(LOG)
        for _ in range(2):
            assert await small.request(note(), timeout=0.05)
        held = await take(small)
        queued = time.monotonic()
        await await_until(lambda: time.monotonic() > queued + 0.1, "they are late")
        await small.publish([note(7)])
        assert not await small.has_room(LOG)
        assert not await small.request(note(), timeout=PATIENCE)
        assert not await small.claim_request(ANNE, held), "this one was late as well"
        assert (await take(small)).envelope.content == {"number": 7}

    async def test_a_claimed_request_is_no_longer_pending(self, layer: Layer) -> None:
        await layer.request(request(await new_home(layer)), timeout=PATIENCE)
        delivery = await take(layer, HTTP_REQUEST)
        await layer.claim_request(ANNE, delivery)
        assert await layer.pending([HTTP_REQUEST], idle=0) == []
        assert not await layer.commit(ANNE, delivery)

    async def test_an_unclaimed_request_of_a_dead_worker_is_anothers(self, layer: Layer) -> None:
        await layer.request(request(await new_home(layer)), timeout=PATIENCE)
        lost = await take(layer, HTTP_REQUEST, ANNE)
        (seen,) = await layer.pending([HTTP_REQUEST], idle=0)
        kept = await layer.take_over(BERT, seen)
        assert kept is not None
        assert not await layer.claim_request(ANNE, lost)
        assert await layer.claim_request(BERT, kept)

    async def test_a_request_over_the_capacity_is_refused(self, small: Layer) -> None:
        interface = await new_home(small)
        assert await small.request(request(interface), timeout=PATIENCE)
        assert not await small.request(request(interface), timeout=PATIENCE)
        assert await small.depth(HTTP_REQUEST) == 1

    async def test_reports_come_in_order(self, layer: Layer) -> None:
        channel, other = new_reply_channel("interface.x"), new_reply_channel("interface.x")
        for total in (100, 2500, -1):
            await layer.report_written(channel, total)
        await layer.report_written(other, 7)
        reports = [0]
        while reports[-1] != -1:  # a later one may stand for those before it
            reports.append(await layer.await_report(channel, wait=PATIENCE) or 0)
        assert reports in ([0, 100, 2500, -1], [0, 2500, -1], [0, 100, -1], [0, -1])
        assert await layer.await_report(channel, wait=0) is None
        assert await layer.await_report(other, wait=0) == 7

    async def test_one_call_waits_for_the_reports_of_many(self, layer: Layer) -> None:
        homes = [await new_home(layer) for _ in range(3)]
        channels = [new_reply_channel(homes[number % 3]) for number in range(30)]
        assert await layer.await_reports([], wait=0) == {}
        assert await layer.await_reports(channels, wait=0) == {}
        waiting = asyncio.create_task(layer.await_reports(channels, wait=PATIENCE))
        for total, channel in enumerate(channels):
            await layer.report_written(channel, total)
        read = dict(await waiting)
        assert read
        while len(read) < len(channels):
            more = await layer.await_reports(channels, wait=PATIENCE)
            assert more and not more.keys() & read.keys()
            read |= more
        assert read == {channel: total for total, channel in enumerate(channels)}
        assert await layer.await_reports(channels, wait=0) == {}

    async def test_reports_on_other_channels_stay(self, layer: Layer) -> None:
        mine, other = new_reply_channel("interface.x"), new_reply_channel("interface.y")
        await layer.report_written(other, 5)
        await layer.report_written(mine, 6)
        assert await layer.await_reports([mine], wait=PATIENCE) == {mine: 6}
        assert await layer.await_reports([other], wait=PATIENCE) == {other: 5}

    async def test_zero_is_a_report(self, layer: Layer) -> None:
        await layer.report_written("interface.x!zero", 0)
        assert await layer.await_report("interface.x!zero", wait=PATIENCE) == 0

    async def test_a_report_is_waited_for(self, layer: Layer) -> None:
        channel = new_reply_channel("interface.x")
        assert await layer.await_report(channel, wait=0) is None
        assert await layer.await_report(channel, wait=0.05) is None
        waiting = asyncio.create_task(layer.await_report(channel, wait=PATIENCE))
        await layer.report_written(channel, 42)
        assert await waiting == 42
