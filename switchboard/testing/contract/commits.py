"""The commit: whose it is, what leaves with it, what stays behind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from switchboard.events import Ack, GroupMessage, InboxEntry, Join, Leave, Output, Reply
from switchboard.exceptions import ContentError
from switchboard.layers.base import Commit, Enqueued, Layer
from switchboard.names import CONNECT, RECEIVE, new_reply_channel
from switchboard.testing.contract.acts import (
    ANNE,
    BERT,
    LOG,
    LayerTests,
    frame,
    handle,
    inbox,
    join,
    new_home,
    new_socket,
    note,
    outcome,
    take,
)


class CommitTests(LayerTests):
    """`commit`."""

    async def test_outputs_and_the_ack_are_one_entry_in_order(self, layer: Layer) -> None:
        interface = await new_home(layer)
        socket = new_reply_channel(interface)
        outputs: list[Reply | GroupMessage | Join | Leave] = [
            Reply(socket, {"accept": True}),
            GroupMessage("room", {"text": "before the join"}),
            Join(socket, "room"),
            GroupMessage("room", {"text": "after the join"}),
            Leave(socket, "room"),
            Reply(socket, {"text": "last"}),
        ]
        await handle(layer, frame(socket, 0, CONNECT), *outputs)
        del outputs[1]  # nobody was in the room
        assert await inbox(layer, interface) == [InboxEntry(1, (*outputs, Ack(socket, 0)), socket, 0)]

    async def test_the_ack_says_how_it_went(self, layer: Layer) -> None:
        interface = await new_home(layer)
        socket = await new_socket(layer, interface)
        await layer.enqueue(frame(socket, 1))
        await layer.commit(ANNE, await take(layer, RECEIVE), session={"n": 1}, failed=True)
        assert (await inbox(layer, interface, 1))[0].events == (Ack(socket, 1, failed=True, session={"n": 1}),)

    async def test_another_interface_gets_an_entry_of_its_own(self, layer: Layer) -> None:
        home, other = await new_home(layer), await new_home(layer)
        socket = await new_socket(layer, home)
        neighbour = await join(layer, other, "room")
        outputs: list[Reply | GroupMessage] = [
            GroupMessage("room", {"n": 1}),
            Reply(socket, {"n": 2}),
            Reply(neighbour, {"n": 3}),
            GroupMessage("room", {"n": 4}),
        ]
        await handle(layer, frame(socket, 1), *outputs)
        assert await inbox(layer, home, 1) == [InboxEntry(2, (outputs[1], Ack(socket, 1)), socket, 1)]
        assert await inbox(layer, other, 1) == [InboxEntry(2, (outputs[0], outputs[2], outputs[3]))]

    async def test_envelopes_go_to_their_channels(self, layer: Layer) -> None:
        socket = await new_socket(layer, await new_home(layer))
        notes = [note(1), note(2, "other"), note(3)]
        await handle(layer, frame(socket, 1), *notes)
        received = await layer.take(BERT, [LOG, "other"], count=10, wait=0)
        assert [d.envelope for d in received if d.channel == LOG] == [notes[0], notes[2]]
        assert [d.envelope for d in received if d.channel == "other"] == [notes[1]]

    async def test_a_message_of_no_socket_has_no_ack(self, layer: Layer) -> None:
        interface = await new_home(layer)
        reply = Reply(new_reply_channel(interface), {"text": "x"})
        await layer.publish([note()])
        assert await layer.commit(ANNE, await take(layer), [reply])
        assert await inbox(layer, interface) == [InboxEntry(1, (reply,))]

    async def test_only_the_owner_commits(self, layer: Layer) -> None:
        interface = await new_home(layer)
        socket = await new_socket(layer, interface)
        await layer.enqueue(frame(socket, 1))
        delivery = await take(layer, RECEIVE, ANNE)
        assert not await layer.commit(BERT, delivery, [Reply(socket, {}), note()], session={"x": 1})
        assert await inbox(layer, interface, 1) == []
        assert await layer.depth(LOG) == 0
        assert await layer.depth(RECEIVE) == 1
        assert await layer.commit(ANNE, delivery)

    async def test_a_message_is_committed_once(self, layer: Layer) -> None:
        interface = await new_home(layer)
        socket = await new_socket(layer, interface)
        await layer.enqueue(frame(socket, 1))
        delivery = await take(layer, RECEIVE)
        assert await layer.commit(ANNE, delivery, [note()])
        assert not await layer.commit(ANNE, delivery, [note()])
        assert await layer.depth(LOG) == 1
        assert len(await inbox(layer, interface)) == 2

    async def test_who_lost_a_message_cannot_commit_it(self, layer: Layer) -> None:
        interface = await new_home(layer)
        socket = await new_socket(layer, interface)
        await layer.enqueue(frame(socket, 1))
        lost = await take(layer, RECEIVE, ANNE)
        (seen,) = await layer.pending([RECEIVE], idle=0)
        kept = await layer.take_over(BERT, seen)
        assert kept is not None
        assert not await layer.commit(ANNE, lost, [Reply(socket, {"from": "anne"})], session={"from": "anne"})
        assert await layer.commit(BERT, kept, [Reply(socket, {"from": "bert"})], session={"from": "bert"})
        (entry,) = await inbox(layer, interface, 1)
        assert entry.events == (Reply(socket, {"from": "bert"}), Ack(socket, 1, session={"from": "bert"}))

    async def test_what_was_acknowledged_before_sends_nothing_but_its_ack(self, layer: Layer) -> None:
        interface = await new_home(layer)
        socket = await new_socket(layer, interface)
        await handle(layer, frame(socket, 1))
        await layer.publish([frame(socket, 1)])  # as a replay after a fail-over would put it there
        outputs: list[Output] = [Reply(socket, {"again": 1}), note()]
        assert await layer.commit(ANNE, await take(layer, RECEIVE), outputs, session={"again": 1})
        assert await inbox(layer, interface, 2) == [InboxEntry(3, (Ack(socket, 1),), socket, 1)]
        assert await layer.depth(LOG) == 0
        await layer.enqueue(frame(socket, 2))
        assert (await take(layer, RECEIVE)).envelope.session is None

    async def test_a_commit_makes_no_record(self, layer: Layer) -> None:
        socket = new_reply_channel(await new_home(layer))
        await layer.publish([frame(socket, 5)])
        assert await layer.commit(ANNE, await take(layer, RECEIVE), session={"n": 1})
        assert await outcome(layer, frame(socket, 6)) is Enqueued.UNKNOWN

    async def test_what_is_for_a_gone_interface_is_left_out(self, layer: Layer) -> None:
        gone, interface = await new_home(layer), await new_home(layer)
        socket = await new_socket(layer, gone)
        await layer.enqueue(frame(socket, 1))
        await layer.close_inbox(gone)
        here = new_reply_channel(interface)
        outputs: list[Output] = [Reply(socket, {}), Join(socket, "room"), GroupMessage("room", {})]
        outputs.append(Reply(here, {"text": "x"}))
        assert await layer.commit(ANNE, await take(layer, RECEIVE), outputs)
        assert await inbox(layer, interface) == [InboxEntry(1, (Reply(here, {"text": "x"}),))]
        assert await inbox(layer, gone) == []

    async def test_content_that_cannot_cross_leaves_the_message_pending(self, layer: Layer) -> None:
        interface = await new_home(layer)
        socket = await new_socket(layer, interface)
        await layer.enqueue(frame(socket, 1))
        delivery = await take(layer, RECEIVE)
        for outputs, session in (([note(), replace(note(), content={"x": object()})], None), ([note()], {"x": {1}})):
            with pytest.raises(ContentError):
                await layer.commit(ANNE, delivery, outputs, session=session)
        assert await layer.depth(LOG) == 0
        assert await inbox(layer, interface, 1) == []
        assert await layer.commit(ANNE, delivery)

    async def test_a_commit_takes_thousands_of_outputs(self, layer: Layer) -> None:
        interface = await new_home(layer)
        socket = await new_socket(layer, interface)
        replies = [Reply(socket, {"n": n}) for n in range(9000)]
        await handle(layer, frame(socket, 1), *replies)
        assert await inbox(layer, interface, 1) == [InboxEntry(2, (*replies, Ack(socket, 1)), socket, 1)]

    # -- several at once

    async def test_each_of_several_is_an_entry_of_its_own_in_their_order(self, layer: Layer) -> None:
        interface = await new_home(layer)
        sockets = [await new_socket(layer, interface) for _ in range(3)]
        commits = []
        for socket in sockets:
            await layer.enqueue(frame(socket, 1))
            commits.append(Commit(await take(layer, RECEIVE), [Reply(socket, {"for": socket})], {"of": socket}))
        assert await layer.commit_all(ANNE, commits) == [True] * 3
        assert await inbox(layer, interface, 3) == [
            InboxEntry(4 + n, (Reply(socket, {"for": socket}), Ack(socket, 1, session={"of": socket})), socket, 1)
            for n, socket in enumerate(sockets)
        ]

    async def test_what_is_not_ours_among_them_is_left_out_alone(self, layer: Layer) -> None:
        interface = await new_home(layer)
        sockets = [await new_socket(layer, interface) for _ in range(3)]
        deliveries = []
        for socket, worker in zip(sockets, (ANNE, BERT, ANNE), strict=True):
            await layer.enqueue(frame(socket, 1))
            deliveries.append(await take(layer, RECEIVE, worker))
        commits = [Commit(delivery, [note()]) for delivery in (*deliveries, deliveries[0])]
        assert await layer.commit_all(ANNE, commits) == [True, False, True, False]
        acked = [event for entry in await inbox(layer, interface, 3) for event in entry.events]
        assert acked == [Ack(sockets[0], 1), Ack(sockets[2], 1)]
        assert await layer.depth(LOG) == 2 and await layer.depth(RECEIVE) == 1

    async def test_one_sees_what_those_before_it_did(self, layer: Layer) -> None:
        home = await new_home(layer)
        joins, speaks = await new_socket(layer, home), await new_socket(layer, home)
        commits = []
        for socket, output in ((joins, Join(joins, "room")), (speaks, GroupMessage("room", {"text": "hi"}))):
            await layer.enqueue(frame(socket, 1))
            commits.append(Commit(await take(layer, RECEIVE), [output]))
        assert await layer.commit_all(ANNE, commits) == [True, True]
        heard = [event for entry in await inbox(layer, home, 2) for event in entry.events]
        assert heard == [Join(joins, "room"), Ack(joins, 1), GroupMessage("room", {"text": "hi"}), Ack(speaks, 1)]

    async def test_content_that_cannot_cross_leaves_all_of_them_pending(self, layer: Layer) -> None:
        interface = await new_home(layer)
        sockets = [await new_socket(layer, interface) for _ in range(2)]
        commits = []
        for socket, value in zip(sockets, (1, object()), strict=True):
            await layer.enqueue(frame(socket, 1))
            commits.append(Commit(await take(layer, RECEIVE), [Reply(socket, {"x": value})]))
        with pytest.raises(ContentError):
            await layer.commit_all(ANNE, commits)
        assert await inbox(layer, interface, 2) == [] and await layer.depth(RECEIVE) == 2
        assert await layer.commit_all(ANNE, commits[:1]) == [True]

    async def test_hundreds_at_once(self, layer: Layer) -> None:
        await layer.publish([note(n) for n in range(300)])
        taken = await layer.take(ANNE, [LOG], count=300, wait=0)
        assert await layer.commit_all(ANNE, [Commit(delivery) for delivery in taken]) == [True] * 300
        assert await layer.depth(LOG) == 0
        assert await layer.commit_all(ANNE, []) == []
