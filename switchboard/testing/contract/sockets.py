"""The record of a socket: what `enqueue_many` answers, and the session that travels."""

from __future__ import annotations

from dataclasses import replace

import pytest

from switchboard.exceptions import ContentError
from switchboard.layers.base import Enqueued, Layer, Receipt
from switchboard.names import CONNECT, DISCONNECT, RECEIVE, new_reply_channel
from switchboard.testing.contract.acts import ANNE, LayerTests, frame, handle, new_home, new_socket, outcome, take


class SocketTests(LayerTests):
    """`enqueue_many`, in the order in which the contract decides."""

    async def test_a_socket_without_a_record_is_unknown(self, layer: Layer) -> None:
        socket = new_reply_channel(await new_home(layer))
        assert await outcome(layer, frame(socket, 1)) is Enqueued.UNKNOWN
        assert await outcome(layer, frame(socket, 1, DISCONNECT)) is Enqueued.UNKNOWN
        assert await layer.depth(RECEIVE) == await layer.depth(DISCONNECT) == 0

    async def test_a_connect_makes_the_record(self, layer: Layer) -> None:
        socket = new_reply_channel(await new_home(layer))
        envelope = frame(socket, 0, CONNECT)
        assert await outcome(layer, envelope) is Enqueued.QUEUED
        delivery = await take(layer, CONNECT)
        assert delivery.envelope == envelope
        assert await layer.commit(ANNE, delivery)
        assert await outcome(layer, frame(socket, 1)) is Enqueued.QUEUED

    async def test_what_is_queued_again_is_queued_once(self, layer: Layer) -> None:
        socket = await new_socket(layer, await new_home(layer))
        for _ in range(3):
            assert await outcome(layer, frame(socket, 1)) is Enqueued.QUEUED
        assert await layer.depth(RECEIVE) == 1
        delivery = await take(layer, RECEIVE)
        assert await outcome(layer, frame(socket, 1)) is Enqueued.QUEUED
        assert await layer.depth(RECEIVE) == 1
        await layer.commit(ANNE, delivery)

    async def test_what_was_handled_is_done(self, layer: Layer) -> None:
        socket = await new_socket(layer, await new_home(layer))
        await handle(layer, frame(socket, 1))
        assert await outcome(layer, frame(socket, 0, CONNECT)) is Enqueued.DONE
        assert await outcome(layer, frame(socket, 1)) is Enqueued.DONE
        assert await layer.depth(RECEIVE) == await layer.depth(CONNECT) == 0

    async def test_what_was_handled_comes_with_the_session(self, layer: Layer) -> None:
        socket = await new_socket(layer, await new_home(layer))
        assert await layer.enqueue(frame(socket, 0, CONNECT)) == Receipt(Enqueued.DONE)
        assert await layer.enqueue(frame(socket, 1)) == Receipt(Enqueued.QUEUED)
        await layer.commit(ANNE, await take(layer, RECEIVE), session={"n": 1})
        assert await layer.enqueue(frame(socket, 1)) == Receipt(Enqueued.DONE, {"n": 1})

    async def test_a_full_channel_takes_no_more(self, small: Layer) -> None:
        interface = await new_home(small)
        sockets = [await new_socket(small, interface) for _ in range(3)]
        answers = [await outcome(small, frame(socket, 1)) for socket in sockets]
        assert answers == [Enqueued.QUEUED, Enqueued.QUEUED, Enqueued.FULL]
        assert await small.depth(RECEIVE) == 2
        await small.commit(ANNE, await take(small, RECEIVE))
        assert await outcome(small, frame(sockets[2], 1)) is Enqueued.QUEUED
        assert await small.depth(RECEIVE) == 2

    async def test_a_refused_connect_leaves_no_record(self, small: Layer) -> None:
        interface = await new_home(small)
        sockets = [new_reply_channel(interface) for _ in range(3)]
        answers = [await outcome(small, frame(socket, 0, CONNECT)) for socket in sockets]
        assert answers == [Enqueued.QUEUED, Enqueued.QUEUED, Enqueued.FULL]
        assert await outcome(small, frame(sockets[2], 1)) is Enqueued.UNKNOWN

    async def test_a_disconnect_is_never_refused(self, small: Layer) -> None:
        interface = await new_home(small)
        sockets = [await new_socket(small, interface) for _ in range(4)]
        answers = {await outcome(small, frame(socket, 1, DISCONNECT)) for socket in sockets}
        assert answers == {Enqueued.QUEUED}
        assert await small.depth(DISCONNECT) == 4

    async def test_a_full_channel_still_knows_what_it_has(self, small: Layer) -> None:
        interface = await new_home(small)
        first, second, third = [await new_socket(small, interface) for _ in range(3)]
        await handle(small, frame(first, 1))
        await small.enqueue(frame(second, 1))
        await small.enqueue(frame(third, 1))
        assert await outcome(small, frame(second, 1)) is Enqueued.QUEUED
        assert await outcome(small, frame(first, 1)) is Enqueued.DONE
        assert await outcome(small, frame(first, 2)) is Enqueued.FULL

    async def test_the_commit_of_a_disconnect_removes_the_record(self, layer: Layer) -> None:
        socket = await new_socket(layer, await new_home(layer))
        await handle(layer, frame(socket, 1, DISCONNECT))
        assert await outcome(layer, frame(socket, 2)) is Enqueued.UNKNOWN

    async def test_the_session_travels_with_the_messages(self, layer: Layer) -> None:
        socket = new_reply_channel(await new_home(layer))
        await layer.enqueue(frame(socket, 0, CONNECT))
        delivery = await take(layer, CONNECT)
        assert delivery.envelope.session is None
        await layer.commit(ANNE, delivery, session={"room": "icy-cloud", "n": [1]})
        await layer.enqueue(frame(socket, 1))
        delivery = await take(layer, RECEIVE)
        assert delivery.envelope.session == {"room": "icy-cloud", "n": [1]}
        await layer.commit(ANNE, delivery)
        await layer.enqueue(frame(socket, 2))
        delivery = await take(layer, RECEIVE)
        assert delivery.envelope.session == {"room": "icy-cloud", "n": [1]}, "it stays where a commit gives none"
        await layer.commit(ANNE, delivery, session={})
        await layer.enqueue(frame(socket, 3, DISCONNECT))
        assert (await take(layer, DISCONNECT)).envelope.session == {}

    async def test_sockets_have_sessions_of_their_own(self, layer: Layer) -> None:
        interface = await new_home(layer)
        first, second = new_reply_channel(interface), await new_socket(layer, interface)
        await layer.enqueue(frame(first, 0, CONNECT))
        await layer.commit(ANNE, await take(layer, CONNECT), session={"whose": "first"})
        await layer.enqueue(frame(second, 1))
        assert (await take(layer, RECEIVE)).envelope.session is None

    async def test_what_cannot_cross_is_not_queued(self, layer: Layer) -> None:
        socket = await new_socket(layer, await new_home(layer))
        with pytest.raises(ContentError):
            await layer.enqueue(replace(frame(socket, 1), content={"what": object()}))
        assert await layer.depth(RECEIVE) == 0
        assert await outcome(layer, frame(socket, 1)) is Enqueued.QUEUED

    async def test_many_at_once_have_their_receipts_in_order(self, layer: Layer) -> None:
        interface = await new_home(layer)
        handled, ready, new = [await new_socket(layer, interface) for _ in range(2)] + [new_reply_channel(interface)]
        await layer.enqueue(frame(handled, 1))
        await layer.commit(ANNE, await take(layer, RECEIVE), session={"n": 1})
        stranger = new_reply_channel(interface)
        asked = [frame(stranger, 1), frame(handled, 1), frame(ready, 1), frame(new, 0, CONNECT), frame(ready, 1)]

        assert await layer.enqueue_many(asked) == [
            Receipt(Enqueued.UNKNOWN),
            Receipt(Enqueued.DONE, {"n": 1}),
            Receipt(Enqueued.QUEUED),
            Receipt(Enqueued.QUEUED),
            Receipt(Enqueued.QUEUED),
        ]
        taken = await layer.take(ANNE, [RECEIVE, CONNECT], count=9, wait=0)
        assert {delivery.envelope.id for delivery in taken} == {asked[2].id, asked[3].id}
        assert await layer.enqueue_many([]) == []

    async def test_each_of_many_counts_for_the_capacity(self, small: Layer) -> None:
        interface = await new_home(small)
        sockets = [await new_socket(small, interface) for _ in range(4)]
        await small.enqueue(frame(sockets[3], 1))
        receipts = await small.enqueue_many([frame(socket, 1) for socket in reversed(sockets)])
        assert [receipt.outcome for receipt in receipts] == [
            *(Enqueued.QUEUED, Enqueued.QUEUED),
            *(Enqueued.FULL, Enqueued.FULL),
        ]
        assert await small.depth(RECEIVE) == 2
        receipts = await small.enqueue_many([frame(socket, 1, DISCONNECT) for socket in sockets[:2]])
        assert {receipt.outcome for receipt in receipts} == {Enqueued.QUEUED}, "a disconnect is never refused"

    async def test_a_few_hundred_at_once(self, layer: Layer) -> None:
        interface = await new_home(layer)
        sockets = [new_reply_channel(interface) for _ in range(400)]
        receipts = await layer.enqueue_many([frame(socket, 0, CONNECT) for socket in sockets])
        assert receipts == [Receipt(Enqueued.QUEUED)] * 400
        taken = await layer.take(ANNE, [CONNECT], count=500, wait=0)
        assert [delivery.envelope.socket for delivery in taken] == sockets, "in the order in which they were given"

    async def test_one_that_cannot_cross_keeps_the_others_of_its_call_back(self, layer: Layer) -> None:
        interface = await new_home(layer)
        sockets = [await new_socket(layer, interface) for _ in range(3)]
        asked = [frame(socket, 1) for socket in sockets]
        asked[1] = replace(asked[1], content={"what": object()})
        with pytest.raises(ContentError):
            await layer.enqueue_many(asked)
        assert await layer.depth(RECEIVE) == 0
        assert [await outcome(layer, asked[place]) for place in (0, 2)] == [Enqueued.QUEUED, Enqueued.QUEUED]
