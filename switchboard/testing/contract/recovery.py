"""What outlives a fault: records and memberships brought back, and what the dead left behind found."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from switchboard.events import GroupMessage
from switchboard.layers.base import Enqueued, Layer, Receipt, SocketState
from switchboard.names import CONNECT, DISCONNECT, RECEIVE, new_interface, new_reply_channel
from switchboard.testing.contract.acts import (
    ANNE,
    LayerTests,
    frame,
    handle,
    inbox,
    join,
    new_home,
    new_socket,
    outcome,
    take,
)
from switchboard.testing.waiting import await_until


class RecoveryTests(LayerTests):
    """`restore`, `rejoin`, `interface_beats`, `sockets_of`."""

    async def test_a_restored_socket_goes_on_where_it_was(self, layer: Layer) -> None:
        socket = new_reply_channel(await new_home(layer))
        assert await outcome(layer, frame(socket, 8)) is Enqueued.UNKNOWN
        await layer.restore([SocketState(socket, sent=8, acked=7, path="/chat/x/", session={"n": 1})])
        assert await layer.enqueue(frame(socket, 7)) == Receipt(Enqueued.DONE, {"n": 1})
        assert await outcome(layer, frame(socket, 8)) is Enqueued.QUEUED, "what was under way is queued again"
        assert await layer.depth(RECEIVE) == 1
        delivery = await take(layer, RECEIVE)
        assert delivery.envelope.session == {"n": 1}
        assert await layer.commit(ANNE, delivery)

    async def test_a_socket_restored_before_its_connect_was_handled_can_connect(self, layer: Layer) -> None:
        socket = new_reply_channel(await new_home(layer))
        await layer.restore([SocketState(socket, sent=0, acked=-1)])
        await handle(layer, frame(socket, 0, CONNECT))
        assert await outcome(layer, frame(socket, 0, CONNECT)) is Enqueued.DONE

    async def test_restoring_what_is_whole_changes_nothing(self, layer: Layer) -> None:
        interface = await new_home(layer)
        socket = new_reply_channel(interface)
        await layer.enqueue(frame(socket, 0, CONNECT))
        await layer.commit(ANNE, await take(layer, CONNECT), session={"from": "the commit"})
        await layer.enqueue(frame(socket, 1))
        before = await layer.sockets_of(interface)
        await layer.restore([SocketState(socket, sent=1, acked=0, session={"from": "the interface"})])
        await layer.restore([SocketState(socket, sent=1, acked=-1, session={"from": "longer ago"})])
        await layer.restore([])
        assert await layer.sockets_of(interface) == before
        assert await outcome(layer, frame(socket, 1)) is Enqueued.QUEUED
        assert await layer.depth(RECEIVE) == 1

    async def test_the_larger_number_wins_and_with_it_its_session(self, layer: Layer) -> None:
        interface = await new_home(layer)
        socket = await new_socket(layer, interface)
        await layer.enqueue(frame(socket, 1))
        await layer.commit(ANNE, await take(layer, RECEIVE), session={"order": 1})
        await layer.restore([SocketState(socket, sent=6, acked=5, session={"order": 5})])
        assert await layer.enqueue(frame(socket, 4)) == Receipt(Enqueued.DONE, {"order": 5})
        await layer.restore([SocketState(socket, sent=9, acked=9)])
        assert await layer.enqueue(frame(socket, 9)) == Receipt(Enqueued.DONE, None), "having no session wins too"
        assert await outcome(layer, frame(socket, 10)) is Enqueued.QUEUED

    async def test_what_was_queued_stays_queued(self, layer: Layer) -> None:
        socket = await new_socket(layer, await new_home(layer))
        await handle(layer, frame(socket, 1))
        await layer.enqueue(frame(socket, 2))
        await layer.enqueue(frame(socket, 3))
        await layer.restore([SocketState(socket, sent=3, acked=2)])
        assert await outcome(layer, frame(socket, 3)) is Enqueued.QUEUED
        assert await layer.depth(RECEIVE) == 2

    async def test_what_ran_for_an_older_record_sends_nothing(self, layer: Layer) -> None:
        interface = await new_home(layer)
        socket = await new_socket(layer, interface)
        await layer.enqueue(frame(socket, 1))
        await layer.restore([SocketState(socket, sent=4, acked=3, session={"order": 3})])
        assert await layer.commit(ANNE, await take(layer, RECEIVE), session={"order": 1})
        assert await layer.enqueue(frame(socket, 3)) == Receipt(Enqueued.DONE, {"order": 3})

    async def test_hundreds_are_restored_at_once(self, layer: Layer) -> None:
        interface = await new_home(layer)
        states = [SocketState(new_reply_channel(interface), 3, 3, "/", {"n": n}) for n in range(400)]
        for _ in range(2):
            await layer.restore(states)
        found = await layer.sockets_of(interface)
        assert sorted(found, key=lambda state: state.channel) == sorted(states, key=lambda state: state.channel)

    async def test_a_restored_socket_can_go(self, layer: Layer) -> None:
        interface = await new_home(layer)
        socket = new_reply_channel(interface)
        await layer.restore([SocketState(socket, sent=3, acked=3)])
        await handle(layer, frame(socket, 4, DISCONNECT))
        assert await layer.sockets_of(interface) == []

    async def test_who_rejoins_is_reached_again_and_once(self, layer: Layer) -> None:
        interface, other = await new_home(layer), await new_home(layer)
        await layer.rejoin(interface, ["a", "b"])
        await layer.rejoin(interface, ["a"])
        await layer.rejoin(other, [])
        await layer.publish([GroupMessage("a", {}), GroupMessage("b", {})])
        (entry,) = await inbox(layer, interface)
        assert len(entry.events) == 2
        assert await inbox(layer, other) == []

    async def test_who_rejoined_can_leave_and_close(self, layer: Layer) -> None:
        interface = await new_home(layer)
        await layer.rejoin(interface, ["a", "b"])
        assert await layer.leave(interface, "a", 0)
        await layer.close_inbox(interface)
        await layer.open_inbox(interface)
        await layer.publish([GroupMessage("a", {}), GroupMessage("b", {})])
        assert await inbox(layer, interface) == []

    async def test_a_rejoin_hides_no_join_that_waits(self, layer: Layer) -> None:
        interface = await new_home(layer)
        await join(layer, interface, "room")
        await layer.rejoin(interface, ["room"])
        assert not await layer.leave(interface, "room", 0)
        assert await layer.leave(interface, "room", 1)

    async def test_without_an_inbox_nobody_rejoins(self, layer: Layer) -> None:
        interface = new_interface()
        await layer.rejoin(interface, ["room"])
        await layer.publish([GroupMessage("room", {})])
        await layer.open_inbox(interface)
        await layer.publish([GroupMessage("room", {})])
        assert await inbox(layer, interface) == []

    async def test_an_interfaces_number_moves_while_it_lives(self, layer: Layer) -> None:
        alive, still = await new_home(layer), await new_home(layer)
        before = await layer.interface_beats()
        assert set(before) == {alive, still}

        async def moved() -> bool:
            await layer.beat(alive, 0)
            return (await layer.interface_beats())[alive] != before[alive]

        await await_until(moved, "the clock ticked and the heartbeat shows")
        assert (await layer.interface_beats())[still] == before[still]

    async def test_who_watches_sees_for_how_long_an_interface_stood_still(self, layer: Layer) -> None:
        alive, still = await new_home(layer), await new_home(layer)

        async def long_still() -> bool:
            await layer.beat(alive, 0)
            seen = await layer.watch_interfaces(unbroken=5)
            return seen[still] > 0.2 and seen[alive] < seen[still]

        await await_until(long_still, "one to stand still for a while, the other not")
        await layer.close_inbox(still)
        assert set(await layer.watch_interfaces(unbroken=5)) == {alive}

    async def test_a_watch_that_was_interrupted_knows_nothing(self, layer: Layer) -> None:
        interface = await new_home(layer)

        async def seen() -> bool:
            return (await layer.watch_interfaces(unbroken=0.1))[interface] > 0

        await await_until(seen, "it to stand still")
        await asyncio.sleep(0.2)  # the interruption
        assert (await layer.watch_interfaces(unbroken=0.1))[interface] == 0

    async def test_which_interfaces_there_are_is_known_after_a_watch_of_some_length(self, layer: Layer) -> None:
        interface, recorded = await new_home(layer), new_interface()
        await layer.restore([SocketState(new_reply_channel(recorded), 1, 1)])
        assert await layer.known_interfaces(watched=0) is None, "nobody watches"
        await layer.watch_interfaces(unbroken=5)
        assert set(await layer.known_interfaces(watched=0) or ()) == {interface, recorded}
        assert await layer.known_interfaces(watched=0.2) is None

        async def known() -> bool:
            await layer.watch_interfaces(unbroken=5)
            return await layer.known_interfaces(watched=0.2) is not None

        await await_until(known, "the watch to be old enough")
        late = await new_home(layer)
        assert set(await layer.known_interfaces(watched=0.2) or ()) == {interface, recorded, late}

    async def test_without_any_interface_that_is_known_as_well(self, layer: Layer) -> None:
        await layer.watch_interfaces(unbroken=5)

        async def known() -> bool:
            await layer.watch_interfaces(unbroken=5)
            return await layer.known_interfaces(watched=0.1) is not None

        await await_until(known, "the watch to be old enough")
        assert await layer.known_interfaces(watched=0.1) == []

    async def test_after_an_interruption_of_the_watch_nothing_is_known(self, layer: Layer) -> None:
        await layer.watch_interfaces(unbroken=0.1)
        await asyncio.sleep(0.2)  # the interruption
        assert await layer.known_interfaces(watched=0) is None
        await layer.watch_interfaces(unbroken=0.1)
        assert await layer.known_interfaces(watched=0.15) is None

    async def test_a_closed_interface_is_listed_until_its_records_are_gone(self, layer: Layer) -> None:
        interface = await new_home(layer)
        socket = await new_socket(layer, interface)
        await layer.close_inbox(interface)
        assert set(await layer.interface_beats()) == {interface}, "somebody has to find the record"
        await handle(layer, frame(socket, 1, DISCONNECT))
        await layer.close_inbox(interface)
        assert await layer.interface_beats() == {}

    async def test_a_record_without_an_interface_can_be_found(self, layer: Layer) -> None:
        late, restored = new_interface(), new_interface()
        await layer.enqueue(frame(new_reply_channel(late), 0, CONNECT))
        await layer.restore([SocketState(new_reply_channel(restored), 1, 1)])
        assert set(await layer.interface_beats()) == {late, restored}

    async def test_the_sockets_of_an_interface_are_its_records(self, layer: Layer) -> None:
        interface, other = await new_home(layer), await new_home(layer)
        await new_socket(layer, other)
        socket = new_reply_channel(interface)
        connect = frame(socket, 0, CONNECT)
        await layer.enqueue(replace(connect, content={**connect.content, "path": "/chat/icy-cloud/"}))
        assert await layer.sockets_of(interface) == [SocketState(socket, 0, -1, "/chat/icy-cloud/")]
        await layer.commit(ANNE, await take(layer, CONNECT), session={"n": [1]})
        assert await layer.sockets_of(interface) == [SocketState(socket, 0, 0, "/chat/icy-cloud/", {"n": [1]})]
        await handle(layer, frame(socket, 1, DISCONNECT))
        assert await layer.sockets_of(interface) == []
        assert await layer.sockets_of(new_interface()) == []

    async def test_sockets_with_nothing_under_way_come_first(self, layer: Layer) -> None:
        interface = await new_home(layer)
        sockets = [new_reply_channel(interface) for _ in range(1200)]
        await layer.restore([SocketState(socket, 1, 1) for socket in sockets])
        idle = set(sockets[::10])
        for socket in sockets:
            if socket not in idle:
                await layer.enqueue(frame(socket, 2))
        found = await layer.sockets_of(interface)
        assert {state.channel for state in found[: len(idle)]} == idle
        assert len(idle) < len(found) < len(sockets)
        assert all(state.sent > state.acked for state in found[len(idle) :])

    async def test_all_who_scan_an_interfaces_sockets_share_them(self, layer: Layer) -> None:
        interface, other = await new_home(layer), await new_home(layer)
        sockets = [new_reply_channel(interface) for _ in range(1200)]
        for some in (sockets[:600], sockets[600:]):
            await layer.restore([SocketState(socket, 1, 1, "/tea/", {"n": 1}) for socket in some])
        busy = set(sockets[::3])
        await layer.enqueue_many([frame(socket, 2) for socket in sorted(busy)])
        await new_socket(layer, other)
        pages = [await layer.scan_sockets(interface, every=60) for _ in range(3)]
        while pages[-1] and pages[-1].more:
            pages.append(await layer.scan_sockets(interface, every=60))
        found = [state for page in pages if page for state in page.sockets]
        assert sorted(state.channel for state in found) == sorted(set(sockets) - busy), "each once"
        assert max(len(page.sockets) for page in pages if page) < 600, "a page is a few hundred"
        assert found[0] == SocketState(found[0].channel, 1, 1, "/tea/", {"n": 1})

    async def test_a_scan_begins_anew_when_it_is_time_and_not_before(self, layer: Layer) -> None:
        interface = await new_home(layer)
        assert await layer.scan_sockets(interface, every=0) is None, "it has no records"
        socket = await new_socket(layer, interface)
        for every, found in ((60.0, [socket]), (60.0, []), (0.0, [socket])):
            page = await layer.scan_sockets(interface, every=every)
            assert page is not None and not page.more
            assert [state.channel for state in page.sockets] == found
        await layer.enqueue(frame(socket, 1, DISCONNECT))
        for include_busy, states in ((False, []), (True, [SocketState(socket, 1, 0)])):
            page = await layer.scan_sockets(interface, every=0, include_busy=include_busy)
            assert page is not None and page.sockets == states
        await layer.commit(ANNE, await take(layer, DISCONNECT))
        assert await layer.scan_sockets(interface, every=60) is None

    async def test_the_disconnects_of_a_dead_interface(self, layer: Layer) -> None:
        interface = await new_home(layer)
        idle, busy = await new_socket(layer, interface), await new_socket(layer, interface)
        await layer.enqueue(frame(busy, 1))
        for expected in ([idle], [busy]):
            for state in await layer.sockets_of(interface):
                if state.sent == state.acked:
                    await layer.enqueue(frame(state.channel, state.sent + 1, DISCONNECT))
            deliveries = await layer.take(ANNE, [RECEIVE, DISCONNECT], count=10, wait=0)
            assert [d.envelope.socket for d in deliveries if d.channel == DISCONNECT] == expected
            for delivery in deliveries:
                assert await layer.commit(ANNE, delivery)
        assert await layer.sockets_of(interface) == []
