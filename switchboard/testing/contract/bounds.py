"""Bounds in bytes: of named channels, of inboxes, and of what is sent to an interface that reads slowly."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from switchboard.events import Envelope, GroupMessage, InboxEntry, Join, Reply
from switchboard.exceptions import ChannelFull, InboxFull, InboxLost, InboxRemoved
from switchboard.layers.base import Begun, Delivery, Enqueued, Layer
from switchboard.names import CONNECT, DISCONNECT, HTTP_REQUEST, RECEIVE, new_reply_channel, token
from switchboard.testing.contract.acts import (
    ANNE,
    BERT,
    LOG,
    PATIENCE,
    LayerTests,
    MakeLayer,
    inbox,
    join,
    new_home,
    new_socket,
    outcome,
    pending_one,
    take,
)

#: Bounds of the layer `tight`.
CHANNEL_BYTES = 100_000
REQUEST_BYTES = 10 * 1024 * 1024
INBOX_BYTES = 200_000
#: A body of which two fit into `REQUEST_BYTES`.
BODY = bytes(4 * 1024 * 1024)
#: A content of which nine fit into `CHANNEL_BYTES`, and eighteen into `INBOX_BYTES`.
TEN_KB = "x" * 10_500


def large(channel: str = LOG) -> Envelope:
    """A message of no socket."""
    return Envelope(channel, token(), {"text": TEN_KB})


def large_frame(socket: str, order: int, channel: str = RECEIVE) -> Envelope:
    """A message of a socket."""
    return Envelope(channel, token(), {"text": TEN_KB}, socket, order)


def upload(interface: str) -> Envelope:
    """A request with a large body."""
    return Envelope(HTTP_REQUEST, token(), {"path": "/", "body": BODY}, new_reply_channel(interface))


async def fill(layer: Layer, channel: str = LOG) -> int:
    """How many large messages the channel takes until it is full; they stay there."""
    for number in range(100):
        try:
            await layer.publish([large(channel)])
        except ChannelFull:
            return number
    raise AssertionError("the channel takes any number")


async def drain(layer: Layer, channel: str = LOG) -> None:
    """Commit all that a worker gets of a channel."""
    for delivery in await layer.take(ANNE, [channel], count=1000, wait=0):
        assert await layer.commit(ANNE, delivery)


async def take_again(layer: Layer, channel: str = LOG) -> Delivery:
    """A message that one worker received and another took over."""
    await take(layer, channel, BERT)
    delivery = await layer.take_over(ANNE, await pending_one(layer, channel))
    assert delivery is not None
    return delivery


class BoundTests(LayerTests):
    """What counts, what is refused, and that room comes back."""

    @pytest.fixture
    async def tight(self, make_layer: MakeLayer) -> AsyncIterator[Layer]:
        """A layer with small bounds in bytes."""
        layer = make_layer(
            capacity_bytes=CHANNEL_BYTES,
            channel_capacity_bytes={"http.*": REQUEST_BYTES},
            inbox_bytes=INBOX_BYTES,
        )
        yield layer
        await layer.flush()
        await layer.close()

    # -- named channels

    async def test_requests_are_refused_at_their_bytes_and_claiming_makes_room(self, tight: Layer) -> None:
        interface = await new_home(tight)
        assert await tight.request(upload(interface), timeout=PATIENCE)
        assert await tight.request(upload(interface), timeout=PATIENCE)
        assert not await tight.request(upload(interface), timeout=PATIENCE)
        assert await tight.depth(HTTP_REQUEST) == 2
        assert await tight.claim_request(ANNE, await take(tight, HTTP_REQUEST))
        assert await tight.request(upload(interface), timeout=PATIENCE)

    async def test_a_member_of_a_group_that_is_full_in_bytes_is_left_out(self, tight: Layer) -> None:
        await tight.publish([Join(LOG, "room")])
        for _ in range(12):
            await tight.publish([GroupMessage("room", {"text": TEN_KB})])
        assert await tight.depth(LOG) == 9
        await drain(tight)
        await tight.publish([GroupMessage("room", {"text": TEN_KB})] * 12)
        assert await tight.depth(LOG) == 9, "also when all come at once"

    async def test_a_send_is_refused_at_the_bytes_of_a_channel_and_a_commit_makes_room(self, tight: Layer) -> None:
        interface = await new_home(tight)
        assert await fill(tight) == 9
        with pytest.raises(ChannelFull) as refused:
            await tight.publish([Reply(new_reply_channel(interface), {}), large("elsewhere"), large()])
        assert refused.value.channel == LOG
        assert await inbox(tight, interface) == []
        assert await tight.depth("elsewhere") == 0
        assert await tight.depth(LOG) == 9
        delivery = await take(tight)
        assert await fill(tight) == 0, "what is pending counts"
        await tight.commit(ANNE, delivery)
        assert await fill(tight) == 1

    async def test_messages_of_one_send_are_added_up(self, tight: Layer) -> None:
        await tight.publish([large()])
        with pytest.raises(ChannelFull):
            await tight.publish([large() for _ in range(9)])
        assert await tight.depth(LOG) == 1

    async def test_has_room_knows_the_bytes(self, tight: Layer) -> None:
        assert await tight.has_room(LOG)
        for _ in range(2):
            for _ in range(9):
                await tight.publish([large()])
            assert await tight.has_room(LOG)
            (delivery,) = await tight.take(ANNE, [LOG], count=1, wait=0)
            assert await tight.commit(ANNE, delivery, [large(), large()]), "a commit looks at no capacity"
            assert not await tight.has_room(LOG)
            await drain(tight)

    async def test_an_empty_channel_takes_a_message_of_any_size(self, tight: Layer) -> None:
        huge = Envelope(LOG, token(), {"text": "x" * 2 * CHANNEL_BYTES})
        for _ in range(2):
            await tight.publish([huge])
            assert not await tight.has_room(LOG)
            with pytest.raises(ChannelFull):
                await tight.publish([huge])
            await drain(tight)

    async def test_frames_are_refused_at_the_bytes_of_their_channel(self, tight: Layer) -> None:
        interface = await new_home(tight)
        sockets = [await new_socket(tight, interface) for _ in range(12)]
        outcomes = [
            receipt.outcome for receipt in await tight.enqueue_many([large_frame(socket, 1) for socket in sockets])
        ]
        assert outcomes == [Enqueued.QUEUED] * 9 + [Enqueued.FULL] * 3
        assert await outcome(tight, large_frame(sockets[0], 1)) is Enqueued.QUEUED, "it is there already"
        assert await outcome(tight, large_frame(sockets[-1], 1)) is Enqueued.FULL
        await tight.commit(ANNE, await take(tight, RECEIVE))
        assert await outcome(tight, large_frame(sockets[-1], 1)) is Enqueued.QUEUED

    async def test_a_disconnect_is_never_refused(self, tight: Layer) -> None:
        interface = await new_home(tight)
        sockets = [await new_socket(tight, interface) for _ in range(12)]
        for socket in sockets:
            assert await outcome(tight, large_frame(socket, 1, DISCONNECT)) is Enqueued.QUEUED

    async def test_the_session_that_travels_along_counts(self, tight: Layer) -> None:
        interface = await new_home(tight)
        sockets = [new_reply_channel(interface) for _ in range(9)]
        for socket in sockets:
            await tight.enqueue(Envelope(CONNECT, token(), {}, socket, 0))
            await tight.commit(ANNE, await take(tight, CONNECT), session={"much": TEN_KB * 2})
        receipts = await tight.enqueue_many([Envelope(RECEIVE, token(), {}, socket, 1) for socket in sockets])
        assert [receipt.outcome for receipt in receipts] == [Enqueued.QUEUED] * 4 + [Enqueued.FULL] * 5

    async def test_room_is_exact_whatever_becomes_of_a_message(self, tight: Layer) -> None:
        interface = await new_home(tight)
        socket = await new_socket(tight, interface)
        for _ in range(3):
            assert await fill(tight) == 9
            assert await tight.commit(ANNE, await take_again(tight), [large("elsewhere")])
            assert await tight.bury(ANNE, await take(tight), reason="a story")
            assert await fill(tight) == 2
            (letter,) = await tight.dead_letters()
            assert await tight.revive(letter.tag)
            assert not await tight.has_room(LOG), "what is sent again counts again"
            held = await take(tight, LOG, BERT)
            await tight.retire(BERT, [LOG])
            assert not await tight.has_room(LOG), "what a retired worker holds stays"
            assert await tight.renew(BERT, [held]) == []
            again = await tight.take_over(ANNE, await pending_one(tight))
            assert again is not None
            assert (await tight.begin(ANNE, again)).begun is Begun.RUN
            await tight.forgive(ANNE, again)
            assert await tight.commit(ANNE, again)
            assert not await tight.commit(ANNE, again), "a second time takes nothing off"
            assert not await tight.commit(BERT, held)
            assert await fill(tight) == 0
            await drain(tight)
            await drain(tight, "elsewhere")
        for order in range(1, 4):
            assert await outcome(tight, large_frame(socket, order)) is Enqueued.QUEUED
            await tight.commit(ANNE, await take(tight, RECEIVE))
            await tight.publish([large_frame(socket, order)])
            again = await take_again(tight, RECEIVE)
            assert (await tight.begin(ANNE, again)).begun is Begun.HANDLED
        assert await fill(tight, RECEIVE) == 9

    async def test_a_flush_forgets_the_bytes(self, tight: Layer) -> None:
        await fill(tight)
        await tight.flush()
        assert await fill(tight) == 9

    # -- inboxes: the bound

    async def test_an_inbox_beyond_its_bound_is_removed_and_nobody_else_suffers(self, tight: Layer) -> None:
        frozen, here = await new_home(tight), await new_home(tight)
        socket = await new_socket(tight, here)
        for interface in (frozen, here):
            await join(tight, interface, "room")
        read = 0
        for order in range(1, 41):
            assert await outcome(tight, large_frame(socket, order)) is Enqueued.QUEUED
            delivery = await take(tight, RECEIVE)
            assert await tight.commit(ANNE, delivery, [GroupMessage("room", {"text": TEN_KB}, order)])
            read = (await self._read(tight, here, read))[-1].number
        assert await inbox(tight, frozen) == []
        with pytest.raises(InboxRemoved):
            await tight.beat(frozen, 0)
        assert (await tight.beat(here, read)).last == read
        await tight.publish([Reply(new_reply_channel(frozen), {}), Join(new_reply_channel(frozen), "other")])
        with pytest.raises(InboxRemoved):
            await tight.beat(frozen, 0)

    async def _read(self, layer: Layer, interface: str, after: int) -> Sequence[InboxEntry]:
        entries = await layer.read_inbox(interface, after, wait=PATIENCE, drop=True)
        assert entries
        return entries

    async def test_before_its_bound_an_inbox_holds_everything(self, tight: Layer) -> None:
        interface = await new_home(tight)
        channel = new_reply_channel(interface)
        for _ in range(18):
            await tight.publish([Reply(channel, {"text": TEN_KB})])
        assert [entry.number for entry in await inbox(tight, interface)] == list(range(1, 19))
        await tight.publish([Reply(channel, {"text": TEN_KB})])
        assert await inbox(tight, interface) == []

    async def test_a_removed_inbox_is_opened_again_and_the_groups_are_joined_again(self, tight: Layer) -> None:
        interface = await new_home(tight)
        socket = await new_socket(tight, interface)
        await tight.publish([Join(socket, "room")])
        for _ in range(30):
            await tight.publish([GroupMessage("room", {"text": TEN_KB})])
        assert [state.channel for state in await tight.sockets_of(interface)] == [socket], "its records are whole"
        assert set(await tight.interface_beats()) == {interface}, "and somebody looks for them"
        beat = await tight.open_inbox(interface)
        assert (beat.last, await tight.beat(interface, 0)) == (0, beat)
        await tight.publish([GroupMessage("room", {"text": "for nobody"})])
        assert await inbox(tight, interface) == []
        await tight.rejoin(interface, ["room"])
        await tight.publish([GroupMessage("room", {"text": "for all"})])
        assert [entry.number for entry in await inbox(tight, interface)] == [1]
        assert await outcome(tight, large_frame(socket, 1)) is Enqueued.QUEUED

    async def test_a_removed_inbox_that_is_closed_is_merely_gone(self, tight: Layer) -> None:
        interface = await new_home(tight)
        for _ in range(30):
            await tight.publish([Reply(new_reply_channel(interface), {"text": TEN_KB})])
        await tight.close_inbox(interface)
        with pytest.raises(InboxLost) as lost:
            await tight.beat(interface, 0)
        assert not isinstance(lost.value, InboxRemoved)
        assert await tight.interface_beats() == {}

    async def test_an_empty_inbox_takes_an_entry_of_any_size(self, tight: Layer) -> None:
        interface = await new_home(tight)
        huge = Reply(new_reply_channel(interface), {"text": "x" * 2 * INBOX_BYTES})
        for number in (1, 2, 3):
            await tight.publish([huge])
            (entry,) = await inbox(tight, interface, number - 1)
            assert entry == InboxEntry(number, (huge,))
            await tight.beat(interface, number)

    async def test_who_reads_may_be_sent_any_amount(self, tight: Layer) -> None:
        interface = await new_home(tight)
        channel = new_reply_channel(interface)
        numbers = [0]
        for turn in range(40):
            await tight.publish([Reply(channel, {"text": TEN_KB}) for _ in range(5)])
            numbers += [entry.number for entry in await self._read(tight, interface, numbers[-1])]
            if turn % 10 == 9:
                await tight.beat(interface, numbers[-1])
        assert numbers == list(range(41))

    async def test_reading_drops_what_was_taken_before_it_if_told_to(self, layer: Layer) -> None:
        interface = await new_home(layer)
        for n in range(5):
            await layer.publish([Reply(new_reply_channel(interface), {"n": n})])
        assert [entry.number for entry in await layer.read_inbox(interface, 3, wait=0, drop=True)] == [4, 5]
        assert [entry.number for entry in await inbox(layer, interface)] == [4, 5]
        assert await layer.read_inbox(interface, 5, wait=0.05, drop=True) == []
        assert await inbox(layer, interface) == []
        assert (await layer.beat(interface, 5)).last == 5
        await layer.close_inbox(interface)
        assert await layer.read_inbox(interface, 5, wait=0, drop=True) == []
        with pytest.raises(InboxLost):
            await layer.beat(interface, 5)

    async def test_a_read_returns_no_more_entries_than_asked_for(self, layer: Layer) -> None:
        interface = await new_home(layer)
        for n in range(5):
            await layer.publish([Reply(new_reply_channel(interface), {"n": n})])
        assert [entry.number for entry in await layer.read_inbox(interface, 1, wait=0, count=2)] == [2, 3]

    async def test_entries_tell_their_size(self, layer: Layer) -> None:
        interface = await new_home(layer)
        for text in ("", TEN_KB):
            await layer.publish([Reply(new_reply_channel(interface), {"text": text})])
        first, second = await inbox(layer, interface)
        assert 0 < first.size < 200
        assert first.size + len(TEN_KB) <= second.size < len(TEN_KB) + 200

    # -- inboxes: the window of a sender

    async def test_a_sender_with_a_window_is_refused_until_the_interface_has_read(self, layer: Layer) -> None:
        slow, other = await new_home(layer), await new_home(layer)
        await layer.rejoin(other, ["room"])
        part = Reply(new_reply_channel(slow), {"content": TEN_KB})
        for _ in range(2):
            await layer.publish([part], window=25_000)
        with pytest.raises(InboxFull) as refused:
            await layer.publish([GroupMessage("room", {}), part], window=25_000)
        assert refused.value.interface == slow
        assert await inbox(layer, other) == []
        await layer.publish([Reply(part.channel, {"text": "small"})], window=25_000)
        await layer.publish([Reply(new_reply_channel(other), {"content": TEN_KB})], window=25_000)
        await layer.publish([part])
        (_, second, *_) = await inbox(layer, slow)
        await layer.read_inbox(slow, second.number, wait=0, drop=True)
        await layer.publish([part], window=25_000)
        with pytest.raises(InboxFull):
            await layer.publish([part], window=25_000)
        await layer.beat(slow, 4)
        await layer.publish([part], window=25_000)

    async def test_a_window_lets_one_part_of_any_size_into_an_empty_inbox(self, layer: Layer) -> None:
        interface = await new_home(layer)
        part = Reply(new_reply_channel(interface), {"content": TEN_KB})
        await layer.publish([part], window=100)
        with pytest.raises(InboxFull):
            await layer.publish([part], window=100)

    async def test_a_window_does_not_hold_up_groups_nor_what_is_for_an_interface_that_is_gone(
        self, layer: Layer
    ) -> None:
        interface = await new_home(layer)
        await join(layer, interface, "room")
        for _ in range(3):
            await layer.publish([GroupMessage("room", {"text": TEN_KB})], window=100)
        assert len(await inbox(layer, interface)) == 4
        await layer.close_inbox(interface)
        await layer.publish([Reply(new_reply_channel(interface), {"text": TEN_KB})] * 2, window=100)
