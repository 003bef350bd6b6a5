"""What a worker does beside its messages: speak for dead interfaces, forget dead workers, tell tips."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from channels.layers import channel_layers

from switchboard import Group, Message, adead_interfaces, dead_interfaces, route
from switchboard.events import GroupMessage, Join, Output, Tip
from switchboard.exceptions import LayerUnavailable
from switchboard.layers import tips
from switchboard.testing.waiting import await_until
from switchboard.worker import reading
from tests.unit.worker.conftest import INTERFACE, SOCKET, Scene


async def test_the_sockets_of_a_dead_interface_are_reported_and_nothing_is_left(scene: Scene, settings: Any) -> None:
    settings.SWITCHBOARD = {"INTERFACE_LEASE": 0.9, "WORKER_LEASE": 0.4}
    reported: list[tuple[str, str, int]] = []

    def disconnected(message: Message) -> None:
        reported.append((str(message.reply_channel), message["path"], message["code"]))

    routes = [route("websocket.disconnect", disconnected)]
    async with scene.worker(routes=routes):
        for number in range(3):
            await scene.enqueue(0, f"{INTERFACE}!{number}", path=f"/chat/{number}/")
        await await_until(lambda: len(reported) == 3, "every disconnect")

        async def gone() -> bool:
            return await scene.layer.interface_beats() == {}

        await await_until(gone, "the interface to be forgotten")
    assert sorted(reported) == [(f"{INTERFACE}!{number}", f"/chat/{number}/", 1006) for number in range(3)]


async def test_workers_that_live_shorter_than_a_lease_watch_together(
    scene: Scene, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SWITCHBOARD = {"INTERFACE_LEASE": 2.7, "WORKER_LEASE": 0.4}
    monkeypatch.setattr(reading, "TAKE_WAIT", 0.05)  # or each would live, and watch, for a second after its end
    reported = threading.Event()
    routes = [route("websocket.disconnect", lambda message: reported.set())]
    lives = 0
    await scene.enqueue(0)
    while not reported.is_set():
        lives += 1
        assert lives < 50
        async with scene.worker(routes=[route("websocket.connect", lambda message: None), *routes]):
            await asyncio.sleep(0.6)  # much less than the lease
    assert lives > 1


async def test_a_live_interface_is_left_alone(scene: Scene, settings: Any) -> None:
    settings.SWITCHBOARD = {"INTERFACE_LEASE": 0.9, "WORKER_LEASE": 0.4}
    reported = threading.Event()
    beats = 0

    async def beaten() -> bool:
        nonlocal beats
        beats += 1
        await scene.layer.beat(INTERFACE, 0)
        return beats > 100

    async with scene.worker(routes=[route("websocket.disconnect", lambda message: reported.set())]):
        await scene.enqueue(0)
        await await_until(beaten, "two leases of beats")
        # Not after the end of the worker, which watches for another second while nobody beats.
        assert not reported.is_set()


async def test_what_is_under_way_comes_before_the_disconnect_of_the_dead(scene: Scene, settings: Any) -> None:
    settings.SWITCHBOARD = {"INTERFACE_LEASE": 0.9, "WORKER_LEASE": 5.0}
    order: list[str] = []
    go_on = threading.Event()

    def connected(message: Message) -> None:
        go_on.wait(timeout=20)
        order.append("connect")

    def disconnected(message: Message) -> None:
        order.append("disconnect")

    routes = [route("websocket.connect", connected), route("websocket.disconnect", disconnected)]
    async with scene.worker(routes=routes):
        await scene.enqueue(0)
        beats = await scene.layer.worker_beats()

        async def long_enough() -> bool:
            return max((await scene.layer.worker_beats()).values(), default=0) >= max(beats.values(), default=0) + 2

        await await_until(long_enough, "more than a lease of the interface")
        assert order == []
        go_on.set()
        await await_until(lambda: len(order) == 2, "both")
    assert order == ["connect", "disconnect"]


async def test_a_dead_worker_is_forgotten(scene: Scene, settings: Any) -> None:
    settings.SWITCHBOARD = {"INTERFACE_LEASE": 0.9, "WORKER_LEASE": 0.4}
    await scene.layer.beat_worker("worker.dead")
    async with scene.worker():

        async def forgotten() -> bool:
            return "worker.dead" not in await scene.layer.worker_beats()

        await await_until(forgotten, "the dead worker to be forgotten")
        assert len(await scene.layer.worker_beats()) == 1


async def test_an_application_that_consumes_it_is_asked_to_reconcile_its_sockets(
    scene: Scene, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SWITCHBOARD = {"INTERFACE_LEASE": 0.9, "WORKER_LEASE": 0.4}
    monkeypatch.setitem(channel_layers.backends, "default", scene.layer)
    dead: list[set[str]] = []
    names = [INTERFACE, "interface.lost"]
    assert await adead_interfaces(names) == set(), "nobody has watched"
    routes = [route("websocket.reconcile", lambda message: dead.append(dead_interfaces(names)))]
    async with scene.worker(routes=routes):

        async def asked_twice() -> bool:
            await scene.layer.beat(INTERFACE, 0)
            return len(dead) > 1

        await await_until(asked_twice, "to be asked twice")
    assert dead[0] == dead[1] == {"interface.lost"}


async def test_an_application_without_a_consumer_for_it_is_not_asked(scene: Scene, settings: Any) -> None:
    settings.SWITCHBOARD = {"INTERFACE_LEASE": 0.9, "WORKER_LEASE": 0.4}
    async with scene.worker():

        async def watched() -> bool:
            return await scene.layer.known_interfaces(watched=2.0) is not None

        await await_until(watched, "two leases")
    assert await scene.layer.depth("websocket.reconcile") == 0


async def test_the_last_number_of_a_group_is_told_again(scene: Scene, settings: Any) -> None:
    settings.SWITCHBOARD = {"TIP_INTERVAL": 2.0}  # a tip is forgotten after three of them, told or not

    def say(message: Message) -> None:
        group = Group("room", channel_layer=scene.layer)
        group.add(message.reply_channel, seq=6)  # type: ignore[arg-type]
        group.send({"text": "x"}, seq=7)

    async with scene.worker(say):
        await scene.enqueue(0)

        async def told() -> bool:
            return Tip("room", 7) in await scene.events()

        await await_until(told, "the tip")
    events = await scene.events()
    assert events[:2] == [Join(SOCKET, "room", 6), GroupMessage("room", {"text": "x"}, 7)]


async def test_the_tips_of_many_groups_leave_in_slices_and_go_on_after_an_outage(
    scene: Scene, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SWITCHBOARD = {"TIP_INTERVAL": 0.2}
    monkeypatch.setattr(tips, "MAX_SLICE", 10)
    calls: list[list[str]] = []
    publish = scene.layer.publish

    async def watched(outputs: Sequence[Output]) -> None:
        calls.append([output.group for output in outputs if isinstance(output, Tip)])
        if len(calls) == 3:
            raise LayerUnavailable("on purpose")
        await publish(outputs)

    monkeypatch.setattr(scene.layer, "publish", watched)
    groups = [f"g{number:02}" for number in range(45)]
    scene.layer.tips.note([GroupMessage(group, {}, seq=1) for group in groups])
    async with scene.worker():
        await await_until(lambda: len(calls) >= 6, "a round")
    assert calls[2] == calls[3] == groups[20:30], "the slice that was lost is the next one"
    assert [group for some in calls[:2] + calls[3:6] for group in some][:45] == groups
