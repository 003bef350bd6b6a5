"""The interface when the layer is away, lost or forgot what it held, or leaves out an entry."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from switchboard.events import Envelope, GroupMessage, InboxEntry, Join, Reply
from switchboard.interface import Interface, hub, moving, term, workers_end
from switchboard.layers.base import Beat
from switchboard.layers.memory import MemoryLayer
from switchboard.names import CONNECT, DISCONNECT, GROUP_REPAIR, HTTP_REQUEST, RECEIVE, interface_of
from switchboard.testing.waiting import await_until
from switchboard.worker.reaper import Reaper
from tests.integration.interface.scene import Client, Scene


async def test_sockets_stay_while_the_layer_is_away(scene: Scene) -> None:
    client = await scene.client()
    scene.layer.away = True
    client.send("one")
    client.send("two")
    await asyncio.sleep(0)
    scene.layer.away = False

    assert (await scene.handle(Reply(client.channel, {"text": "1"}))).envelope.content["text"] == "one"
    assert (await client.said())["text"] == "1"
    assert (await scene.handle()).envelope.content["text"] == "two"


async def test_an_enqueue_whose_answer_was_lost_counts_once(scene: Scene) -> None:
    client = await scene.client()
    scene.layer.halfway = True
    before = scene.layer.enqueues
    client.send("one")
    await await_until(lambda: scene.layer.enqueues >= before + 2, "it is enqueued again")

    assert await scene.layer.depth(RECEIVE) == 1
    assert (await scene.handle(channel=RECEIVE)).envelope.order == 1


async def test_an_interface_that_starts_before_the_layer_does(scene: Scene) -> None:
    scene.layer.away = True
    client = Client(scene.interface)
    scene.clients.append(client)
    await asyncio.sleep(0)
    scene.layer.away = False

    connect = await scene.take()
    assert connect.envelope.socket
    await scene.layer.commit("w", connect, [Reply(connect.envelope.socket, {"accept": True})])
    assert (await client.said())["type"] == "websocket.accept"


async def test_lost_data_are_brought_back_and_the_sockets_stay(scene: Scene) -> None:
    client = await scene.client(frames={"resync": "look"})
    client.send("under way")
    await scene.take()
    client.send("waiting")
    await scene.layer.flush()

    assert (await client.said())["text"] == "look"
    assert (await scene.handle(channel=RECEIVE)).envelope.content["text"] == "under way"
    assert (await scene.handle(Reply(client.channel, {"text": "2"}))).envelope.content["text"] == "waiting"
    assert (await client.said())["text"] == "2"
    await scene.layer.publish([GroupMessage("all", {"text": "to the group"})])
    assert (await client.said())["text"] == "to the group"
    client.leave()
    await scene.handle(channel=DISCONNECT)
    await await_until(lambda: not scene.layer._state.records, "its record is gone")


async def test_a_session_survives_the_loss_of_the_data(scene: Scene) -> None:
    client = await scene.client()
    client.send("one")
    assert await scene.layer.commit("w", await scene.take(), session={"name": "ann"})
    client.send("two")
    await scene.take()
    await scene.layer.flush()

    assert (await scene.handle(channel=RECEIVE)).envelope.session == {"name": "ann"}


async def test_a_disconnect_that_was_lost_with_its_record_is_reported(scene: Scene) -> None:
    client = await scene.client()
    client.leave(1001)
    assert (await scene.take()).channel == DISCONNECT
    await scene.layer.flush()

    disconnect = await scene.handle(channel=DISCONNECT)
    assert (disconnect.envelope.socket, disconnect.envelope.order) == (client.channel, 1)
    await await_until(lambda: not scene.layer._state.records, "its record is gone")


async def test_old_data_come_back(scene: Scene) -> None:
    """The server started with what it held a while ago: nothing of then is heard, those who left since are reported."""
    stays, leaves = await scene.client(), await scene.client()
    stays.send("one")
    await await_until(lambda: scene.layer.depth(RECEIVE), "it is queued")
    old = await scene.layer.snapshot()
    await scene.handle(Reply(stays.channel, {"text": "1"}))
    assert (await stays.said())["text"] == "1"
    leaves.leave()
    await scene.handle(channel=DISCONNECT)
    stays.send("two")
    await scene.handle(Reply(stays.channel, {"text": "2"}))
    assert (await stays.said())["text"] == "2"
    await scene.layer.go_back_to(old)

    again = await scene.take()
    assert (again.channel, again.envelope.content["text"]) == (RECEIVE, "one")
    await await_until(lambda: scene.layer._state.records[stays.channel].acked == 2, "the newer record wins")
    assert await scene.layer.commit("w", again, [Reply(stays.channel, {"text": "1 again"})])
    assert (await scene.handle(channel=DISCONNECT)).envelope.socket == leaves.channel
    stays.send("three")
    await scene.handle(Reply(stays.channel, {"text": "3"}))
    assert (await stays.said())["text"] == "3"
    assert set(scene.layer._state.records) == {stays.channel}


async def test_others_took_the_interface_for_dead(scene: Scene) -> None:
    """A disconnect that it did not send was handled: its sockets are closed, each reported once."""
    reaped, spared = await scene.client(), await scene.client()
    order = Envelope(DISCONNECT, f"{reaped.channel}/1", {"code": 1006}, reaped.channel, 1)
    await scene.layer.enqueue(order)
    await scene.handle(channel=DISCONNECT)

    assert await reaped.said() == {"type": "websocket.close", "code": 1012}
    assert await spared.said() == {"type": "websocket.close", "code": 1012}
    assert (await scene.handle(channel=DISCONNECT)).envelope.socket == spared.channel
    after = await scene.client()
    assert after.channel.partition("!")[0] != reaped.channel.partition("!")[0]
    assert await scene.layer.depth(DISCONNECT) == 0


async def test_cut_off_for_longer_than_the_lease_and_reported_by_others(settings: Any, scene: Scene) -> None:
    """The order of our next message is taken: a frame must not pass for the disconnect that others sent."""
    settings.SWITCHBOARD = {"INTERFACE_BEAT": 0.05, "INTERFACE_LEASE": 0.3}
    scene.interface = Interface(scene.layer, logging=False)
    client = await scene.client()
    scene.layer.away = True
    disconnect = Envelope(DISCONNECT, f"{client.channel}/1", {"code": 1006}, client.channel, 1)
    await MemoryLayer.enqueue_many(scene.layer, [disconnect])
    silent_since = asyncio.get_running_loop().time()
    await await_until(lambda: asyncio.get_running_loop().time() > silent_since + 0.5, "more than a lease is over")
    scene.layer.away = False

    assert await client.said() == {"type": "websocket.close", "code": 1012}
    assert (await scene.handle(channel=DISCONNECT)).envelope.content["code"] == 1006
    await await_until(lambda: not scene.layer._state.records, "its record is gone")


async def test_an_answer_that_waited_in_the_inbox_is_heard_after_all(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The enqueue's answer is lost, the message handled meanwhile, and the inbox can't be read: nothing is lost."""
    # Enqueued again before it is handled it would be queued still, and not enqueued once more for half a minute.
    monkeypatch.setattr(workers_end, "FIRST_BACKOFF", 2.0)
    client = await scene.client()
    scene.layer.deaf, scene.layer.halfway = True, True
    client.send("one")
    await scene.handle(Reply(client.channel, {"text": "1"}))
    enqueues = scene.layer.enqueues
    await await_until(lambda: scene.layer.enqueues > enqueues, "it is enqueued again, which is answered with done")
    scene.layer.deaf = False

    assert (await client.said())["text"] == "1"
    client.send("two")
    assert (await scene.handle(channel=RECEIVE)).envelope.content["text"] == "two"


async def test_a_lost_inbox_leaves_the_disconnects_behind(scene: Scene) -> None:
    client = await scene.client()
    await scene.layer.close_inbox(client.channel.partition("!")[0])

    assert await client.said() == {"type": "websocket.close", "code": 1012}
    disconnect = await scene.handle(channel=DISCONNECT)
    assert (disconnect.envelope.socket, disconnect.envelope.content["code"]) == (client.channel, 1012)


async def test_a_gap_in_the_inbox_is_noticed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await scene.client(frames={"resync": "look"})
    read_inbox = scene.layer.read_inbox

    async def without_the_first(interface: str, after: int, **options: Any) -> Sequence[InboxEntry]:
        return [entry for entry in await read_inbox(interface, after, **options) if entry.number > after + 1]

    monkeypatch.setattr(scene.layer, "read_inbox", without_the_first)
    await scene.layer.publish([Reply(client.channel, {"text": "lost"})])
    assert (await client.said())["text"] == "look"


async def test_an_interface_that_falls_too_far_behind_recovers_in_place(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    client = await scene.client(frames={"resync": "look"})
    await scene.layer.publish([Join(client.channel, "room", 1), Reply(client.channel, {"text": "in"})])
    assert (await client.said())["text"] == "in"
    client.send("before")
    delivery = await scene.take()
    scene.layer.deaf = True  # the interface stands still, as far as its inbox is concerned
    inbox = interface_of(client.channel)
    scene.layer._capacities.inbox_bytes = 20_000
    seq = 1
    while inbox in scene.layer._state.inboxes:
        seq += 1
        await scene.layer.publish([GroupMessage("room", {"text": "x" * 1000}, seq)])
    assert 15 < seq < 25
    assert await scene.layer.commit("w", delivery, [Reply(client.channel, {"text": "nobody hears it"})])
    scene.layer.deaf = False

    assert (await client.said())["text"] == "look"
    assert interface_of(client.channel) in scene.layer._state.inboxes, "the interface keeps its name"
    assert "held more unread bytes than it may" in caplog.text
    assert "starts over" not in caplog.text

    async def asked() -> bool:
        return scene.layer._state.groups["room"] == {inbox} and await scene.layer.depth(GROUP_REPAIR) > 0

    await await_until(asked, "it is in its groups again, and asks for the numbered messages that it missed")
    client.send("after")
    assert (await scene.handle(Reply(client.channel, {"text": "hi"}))).envelope.content["text"] == "after"
    said = [(await client.said())["text"] for _ in range(2)]
    assert said == ["look", "hi"], "what was answered to its frame is lost, so the client looks once more"


async def test_what_was_taken_is_dropped_by_the_next_read(scene: Scene) -> None:
    client = await scene.client()
    inbox = scene.layer._state.inboxes[interface_of(client.channel)]
    text = "x" * 40_000
    for _ in range(10):
        await scene.layer.publish([Reply(client.channel, {"text": text})])
        assert (await client.said())["text"] == text
    await await_until(lambda: inbox.size < 2 * len(text), "no heartbeat is needed for it")


async def test_a_bug_in_the_hub_is_loud_and_the_interface_goes_on(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = await scene.client(frames={"resync": "look"})

    async def broken(interface: str, read: int) -> Beat:
        monkeypatch.undo()
        raise RuntimeError("a bug")

    monkeypatch.setattr(scene.layer, "beat", broken)
    assert (await client.said())["text"] == "look"
    assert "task heart failed" in caplog.text
    await scene.client()


async def test_an_inbox_that_cannot_be_opened_is_a_failure(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def forbidden(interface: str) -> Beat:
        raise RuntimeError("forbidden on purpose")

    monkeypatch.setattr(scene.layer, "open_inbox", forbidden)
    failed = asyncio.Event()
    scene.interface.start(failed.set)
    await asyncio.wait_for(failed.wait(), 10)


async def test_a_failure_that_no_recovery_ends_is_one(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(interface: str, read: int) -> Beat:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(term, "AWAY_PAUSE", 0)
    failed = asyncio.Event()
    scene.interface.start(failed.set)
    client = await scene.client()
    monkeypatch.setattr(scene.layer, "beat", broken)
    await asyncio.wait_for(failed.wait(), 10)
    await scene.interface.stop()
    assert await client.said() == {"type": "websocket.close", "code": 1012}


async def test_where_no_process_can_be_ended_it_is_tried_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hub, "RESTART_PAUSE", 0.01)
    opened, tries = scene.layer.open_inbox, 0

    async def forbidden_at_first(interface: str) -> Beat:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise RuntimeError("forbidden on purpose")
        return await opened(interface)

    monkeypatch.setattr(scene.layer, "open_inbox", forbidden_at_first)
    client = await scene.client()
    client.send("one")
    assert (await scene.handle(channel=RECEIVE)).envelope.content["text"] == "one"
    assert tries == 4
    assert caplog.text.count("RuntimeError: forbidden on purpose") == 3


async def test_what_a_late_commit_has_for_its_own_socket_does_not_count(scene: Scene) -> None:
    client, other = await scene.client(), await scene.client()
    inbox = client.channel.partition("!")[0]
    late = (
        Reply(client.channel, {"text": "late"}),
        Join(client.channel, "elsewhere"),
        GroupMessage("all", {"text": "g"}),
    )
    scene.layer._state.inboxes[inbox].append(late, client.channel, 0)
    await scene.layer.publish([GroupMessage("elsewhere", {"text": "not for us"}), Reply(other.channel, {"text": "x"})])

    assert (await client.said())["text"] == "g"
    assert (await other.said())["text"] == "g"
    assert (await other.said())["text"] == "x"
    assert client.silent()


async def test_the_last_member_takes_the_interface_out_of_its_group(scene: Scene) -> None:
    one, two = await scene.client(), await scene.client()
    one.leave()
    await scene.handle(channel=DISCONNECT)
    await scene.layer.publish([GroupMessage("all", {"text": "still"})])
    assert (await two.said())["text"] == "still"
    two.leave()
    await scene.handle(channel=DISCONNECT)

    await await_until(lambda: not scene.layer._state.groups, "nobody is in the group")


async def test_stopping_queues_what_waits_and_then_the_disconnect(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "STOP_PATIENCE", 20.0)  # the time that it takes is another test's
    client = await scene.client()
    client.send("one")
    client.send("two")
    first = await scene.take()
    await asyncio.sleep(0)
    stopping = scene.interface.stop()
    await scene.layer.commit("w", first)

    assert (await scene.handle()).envelope.content["text"] == "two"
    assert (await scene.take()).channel == DISCONNECT
    await stopping
    assert not scene.layer._state.inboxes


async def test_stopping_does_not_wait_for_ever(scene: Scene) -> None:
    client = await scene.client()
    client.send("never acknowledged")
    assert (await scene.take()).channel == RECEIVE
    async with asyncio.timeout(20):
        await scene.interface.stop()

    assert (await scene.take()).channel == DISCONNECT


async def test_a_handshake_that_nobody_took_before_the_end_is_reported_after_it_was_handled(scene: Scene) -> None:
    """All workers are gone when the interface is stopped. Those who come later read several channels at a time, and
    a disconnect that is there already would be handled before its connect, or beside it."""
    Client(scene.interface)
    await await_until(lambda: scene.layer.depth(CONNECT), "it is queued")
    await scene.interface.stop()
    assert await scene.layer.depth(DISCONNECT) == 0

    connect = await scene.handle(channel=CONNECT)
    assert connect.envelope.socket is not None
    [interface] = await scene.layer.interface_beats()
    await Reaper(scene.layer, "w", [DISCONNECT], lease=0.0).look()
    assert (await scene.handle(channel=DISCONNECT)).envelope.socket == connect.envelope.socket
    assert interface_of(connect.envelope.socket) == interface and not scene.layer._state.records


async def test_a_request_while_the_layer_is_away(scene: Scene) -> None:
    await scene.client()
    scene.layer.away = True
    body: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    body.put_nowait({"type": "http.request", "body": b""})
    sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    await scene.interface(scope, body.get, sent.put)
    scene.layer.away = False

    assert sent.get_nowait()["status"] == 503
    assert await scene.layer.depth(HTTP_REQUEST) == 0


async def test_a_burst_of_requests_does_not_become_one_of_connections_to_the_layer(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = most = 0

    async def request(envelope: Envelope, *, timeout: float) -> bool:
        nonlocal calls, most
        calls += 1
        most = max(most, calls)
        await asyncio.sleep(0.001)
        calls -= 1
        return False

    async def get() -> None:
        scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
        body: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        body.put_nowait({"type": "http.request", "body": b""})
        sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        await scene.interface(scope, body.get, sent.put)
        assert sent.get_nowait()["status"] == 503

    monkeypatch.setattr(scene.layer, "request", request)
    await scene.client()
    await asyncio.gather(*(get() for _ in range(5 * hub.MAX_CONCURRENT_CALLS)))
    assert most == hub.MAX_CONCURRENT_CALLS


async def test_stopping_moves_the_clients_a_few_at_a_time(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "MOVED_AT_A_TIME", 2)
    clients = [await scene.client(frames={"moving": "come back"}) for _ in range(5)]
    stopping = scene.interface.stop()

    assert [client.silent() for client in clients] == [False, False, True, True, True]
    for client in clients:
        assert (await client.said())["text"] == "come back"
        assert await client.said() == {"type": "websocket.close", "code": 1012}
        await scene.handle(channel=DISCONNECT)
    await stopping
    assert not scene.layer._state.records


async def test_stopping_under_a_server_that_ends_the_sockets_itself(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "MOVED_AT_A_TIME", 2)
    clients = [await scene.client() for _ in range(5)]
    stopping = scene.interface.stop(paced=False)

    assert not any(client.silent() for client in clients)
    await stopping


async def test_stopping_while_the_layer_is_away_leaves_no_socket_behind(scene: Scene) -> None:
    client = await scene.client()
    client.send("never handled")
    scene.layer.away = True
    await scene.interface.stop()

    assert await client.said() == {"type": "websocket.close", "code": 1012}
    assert scene.interface._hub is not None
    assert not len(scene.interface._hub._sockets)


async def test_what_answers_for_a_dead_letter_is_the_only_answer(scene: Scene) -> None:
    client = await scene.client(frames={"failed": "sorry"})
    for hook in ([Reply(client.channel, {"text": "given up"})], []):
        client.send("deadly")
        assert await scene.layer.bury("w", await scene.take(), hook, reason="it ends its workers")
    client.send("next")
    await scene.handle(Reply(client.channel, {"text": "handled"}))

    assert [(await client.said())["text"] for _ in range(3)] == ["given up", "sorry", "handled"]
