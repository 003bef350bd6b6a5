"""Groups: who is reached, and the leave that must not overtake a join."""

from __future__ import annotations

import pytest

from switchboard.events import GroupMessage, InboxEntry, Join, Leave, Tip
from switchboard.exceptions import ContentError
from switchboard.layers.base import Layer
from switchboard.names import new_reply_channel
from switchboard.testing.contract.acts import (
    ANNE,
    BERT,
    LOG,
    LayerTests,
    events,
    frame,
    handle,
    inbox,
    join,
    new_home,
    new_socket,
    note,
    nothing_on,
    pending_one,
    take,
)


class GroupTests(LayerTests):
    """Group messages, `Join` and `leave`."""

    async def test_each_interface_with_members_gets_a_message_once(self, layer: Layer) -> None:
        first, second, neither = [await new_home(layer) for _ in range(3)]
        for interface in (first, first, second):
            await join(layer, interface, "room")
        await join(layer, neither, "another.room")
        message = GroupMessage("room", {"text": "hello", "bytes": b"\xff"})
        await layer.publish([message])
        assert await inbox(layer, first, 2) == [InboxEntry(3, (message,))]
        assert await inbox(layer, second, 1) == [InboxEntry(2, (message,))]
        assert await inbox(layer, neither, 1) == []

    async def test_numbers_arrive_as_they_were_given(self, layer: Layer) -> None:
        interface, other = await new_home(layer), await new_home(layer)
        socket = new_reply_channel(interface)
        outputs: list[Join | GroupMessage | Tip] = [
            Join(socket, "room", seq=7),
            GroupMessage("room", {"text": "x"}, seq=8),
            GroupMessage("room", {"text": "of no number"}),
            Tip("room", 8),
        ]
        await layer.publish(outputs)
        assert await inbox(layer, interface) == [InboxEntry(1, tuple(outputs))]
        assert await inbox(layer, other) == []

    async def test_a_tip_reaches_whom_a_message_would(self, layer: Layer) -> None:
        first, second, neither = [await new_home(layer) for _ in range(3)]
        for interface in (first, first, second):
            await join(layer, interface, "room")
        await layer.publish([Tip("room", 41), Tip("nobody", 1)])
        assert await inbox(layer, first, 2) == [InboxEntry(3, (Tip("room", 41),))]
        assert await inbox(layer, second, 1) == [InboxEntry(2, (Tip("room", 41),))]
        assert await inbox(layer, neither) == []

    async def test_a_group_without_members_takes_messages(self, layer: Layer) -> None:
        interface = await new_home(layer)
        await layer.publish([GroupMessage("nobody", {})])
        assert await inbox(layer, interface) == []

    async def test_many_messages_of_one_send_are_one_entry(self, layer: Layer) -> None:
        first, second = await new_home(layer), await new_home(layer)
        await join(layer, first, "a")
        for group in ("a", "b"):
            await join(layer, second, group)
        one, two, three = (GroupMessage(group, {"n": n}) for n, group in enumerate("aba"))
        await layer.publish([one, two, three])
        assert await inbox(layer, first, 1) == [InboxEntry(2, (one, three))]
        assert await inbox(layer, second, 2) == [InboxEntry(3, (one, two, three))]

    async def test_a_join_reaches_its_interface(self, layer: Layer) -> None:
        interface = await new_home(layer)
        socket = await join(layer, interface, "room")
        assert await events(layer, interface) == [Join(socket, "room")]

    async def test_a_join_counts_from_where_it_stands(self, layer: Layer) -> None:
        interface = await new_home(layer)
        socket = new_reply_channel(interface)
        early, late = GroupMessage("room", {"n": "early"}), GroupMessage("room", {"n": "late"})
        await layer.publish([early, Join(socket, "room"), late])
        assert await events(layer, interface) == [Join(socket, "room"), late]

    async def test_a_join_of_one_commit_holds_for_the_next(self, layer: Layer) -> None:
        home, other = await new_home(layer), await new_home(layer)
        socket = await new_socket(layer, home)
        await handle(layer, frame(socket, 1), Join(socket, "room"))
        elsewhere = await new_socket(layer, other)
        message = GroupMessage("room", {"text": "x"})
        await handle(layer, frame(elsewhere, 1), message)
        assert await events(layer, home) == [Join(socket, "room"), message]

    async def test_a_leave_is_told_to_the_interface_and_changes_nothing_else(self, layer: Layer) -> None:
        interface = await new_home(layer)
        socket = await join(layer, interface, "room")
        message = GroupMessage("room", {})
        await layer.publish([Leave(socket, "room"), message])
        assert await events(layer, interface, 1) == [Leave(socket, "room"), message]

    async def test_who_left_is_not_reached(self, layer: Layer) -> None:
        first, second = await new_home(layer), await new_home(layer)
        for interface in (first, second):
            await join(layer, interface, "room")
        assert await layer.leave(first, "room", 1)
        await layer.publish([GroupMessage("room", {})])
        assert await inbox(layer, first, 1) == []
        assert len(await inbox(layer, second, 1)) == 1

    async def test_a_join_that_waits_in_the_inbox_forbids_the_leave(self, layer: Layer) -> None:
        interface = await new_home(layer)
        await join(layer, interface, "room")
        await join(layer, interface, "room")
        assert not await layer.leave(interface, "room", 1)
        await layer.publish([GroupMessage("room", {})])
        assert len(await inbox(layer, interface, 2)) == 1, "it is a member still"
        await join(layer, interface, "another.room")
        assert await layer.leave(interface, "room", 2), "the join of another group is no obstacle"
        await layer.publish([GroupMessage("room", {})])
        assert [entry.number for entry in await inbox(layer, interface, 3)] == [4]

    async def test_a_join_read_and_trimmed_forbids_nothing(self, layer: Layer) -> None:
        interface = await new_home(layer)
        await join(layer, interface, "room")
        await layer.beat(interface, 1)
        assert await layer.leave(interface, "room", 1)

    async def test_leaving_twice_or_without_a_join_is_fine(self, layer: Layer) -> None:
        interface = await new_home(layer)
        await join(layer, interface, "room")
        for _ in range(2):
            assert await layer.leave(interface, "room", 1)
        assert await layer.leave(interface, "never.joined", 0)

    async def test_who_left_can_join_again(self, layer: Layer) -> None:
        interface = await new_home(layer)
        await join(layer, interface, "room")
        await layer.leave(interface, "room", 1)
        await join(layer, interface, "room")
        assert not await layer.leave(interface, "room", 1)
        await layer.publish([GroupMessage("room", {})])
        assert len(await inbox(layer, interface, 2)) == 1

    async def test_a_closed_inbox_is_in_no_group(self, layer: Layer) -> None:
        interface, other = await new_home(layer), await new_home(layer)
        for name in (interface, other):
            await join(layer, name, "room")
        await layer.close_inbox(interface)
        await layer.open_inbox(interface)
        await layer.publish([GroupMessage("room", {})])
        assert await inbox(layer, interface) == []
        assert len(await inbox(layer, other, 1)) == 1

    # -- members that are named channels

    async def test_a_named_channel_that_joined_gets_a_groups_messages(self, layer: Layer) -> None:
        interface = await new_home(layer)
        await join(layer, interface, "room")
        early, late = GroupMessage("room", {"n": 1}), GroupMessage("room", {"n": 3, "bytes": b"\xff"}, seq=7)
        await layer.publish([early, Join(LOG, "room"), Tip("room", 6), late])
        delivery = await take(layer)
        assert (delivery.channel, delivery.envelope.content) == (LOG, {"n": 3, "bytes": b"\xff"})
        assert (delivery.envelope.socket, delivery.envelope.order, delivery.envelope.session) == (None, None, None)
        assert await nothing_on(layer), "and no tip, and not what was sent before"
        assert await events(layer, interface, 1) == [early, Tip("room", 6), late], (
            "the interface hears what it did before"
        )
        await layer.publish([Leave(LOG, "room"), GroupMessage("room", {})])
        assert await nothing_on(layer)

    async def test_its_message_has_the_same_id_on_each_delivery(self, layer: Layer) -> None:
        await layer.publish([Join(LOG, "room"), GroupMessage("room", {"n": 1}), GroupMessage("room", {"n": 2})])
        delivery = await take(layer)
        again = await layer.take_over(BERT, await pending_one(layer))
        assert again is not None
        assert again.envelope == delivery.envelope
        assert again.envelope.id not in ("", (await take(layer)).envelope.id)

    async def test_its_message_may_become_a_dead_letter_and_come_back(self, layer: Layer) -> None:
        await layer.publish([Join(LOG, "room"), GroupMessage("room", {"n": 1})])
        delivery = await take(layer)
        assert await layer.bury(ANNE, delivery, reason="tried often enough")
        [letter] = await layer.dead_letters()
        assert await layer.revive(letter.tag)
        assert (await take(layer)).envelope == delivery.envelope

    async def test_what_a_commit_sends_to_a_group_reaches_its_named_channels(self, layer: Layer) -> None:
        socket = await new_socket(layer, await new_home(layer))
        await layer.publish([Join(LOG, "room")])
        await handle(layer, frame(socket, 1), GroupMessage("room", {"n": 1}))
        assert (await take(layer)).envelope.content == {"n": 1}

    async def test_a_full_named_channel_is_left_out(self, small: Layer) -> None:
        """Of messages of one group and of one call, too: ``small`` takes two on each channel."""
        await small.publish([*(Join(name, group) for name in ("a", "b") for group in ("room", "hall")), note(0, "a")])
        await small.publish([GroupMessage(group, {"number": n}) for n, group in enumerate(("room", "hall", "room"), 1)])
        received = await small.take(ANNE, ["a", "b"], count=10, wait=0)
        numbers = {name: [d.envelope.content["number"] for d in received if d.channel == name] for name in ("a", "b")}
        assert numbers == {"a": [0, 1], "b": [1, 2]}
        await small.publish([Join("c", "room"), *[GroupMessage("room", {"number": 4})] * 3])
        assert await small.depth("c") == 2

    async def test_what_cannot_cross_reaches_nobody(self, layer: Layer) -> None:
        interface = await new_home(layer)
        await join(layer, interface, "room")
        with pytest.raises(ContentError):
            await layer.publish([GroupMessage("room", {}), GroupMessage("room", {"x": object()})])
        assert await inbox(layer, interface, 1) == []
