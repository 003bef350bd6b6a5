"""The worker's loop on the layer in memory: order, loss of a worker, stopping."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from switchboard import Message, batch, route
from switchboard.events import Ack, Envelope, Reply
from switchboard.testing.waiting import await_until
from tests.unit.worker.conftest import INTERFACE, SOCKET, Scene


def greet(message: Message) -> None:
    message.reply_channel.send({"text": message.channel.name})  # type: ignore[union-attr]


async def test_a_message_is_run_and_acknowledged(scene: Scene) -> None:
    async with scene.worker(greet):
        await scene.enqueue(0)
        await scene.expect(Reply(SOCKET, {"text": "websocket.connect"}), Ack(SOCKET, 0))
    assert await scene.layer.depth("websocket.connect") == 0


async def test_a_consumer_that_raises_is_logged_and_the_worker_lives(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    def consumer(message: Message) -> None:
        message.reply_channel.send({"text": "lost"})  # type: ignore[union-attr]
        raise ZeroDivisionError("on purpose")

    async with scene.worker(consumer, greet):
        await scene.enqueue(0)
        await scene.expect(Ack(SOCKET, 0, failed=True))
        await scene.enqueue(1)
        await scene.expect(Ack(SOCKET, 0, failed=True), Reply(SOCKET, {"text": "websocket.receive"}), Ack(SOCKET, 1))
    assert "ZeroDivisionError: on purpose" in caplog.text
    assert f"websocket.connect ({SOCKET}/0)" in caplog.text


async def test_sync_consumers_run_side_by_side_up_to_the_number_of_threads(scene: Scene) -> None:
    together = threading.Barrier(3)

    def meet(message: Message) -> None:
        together.wait(timeout=20)

    async with scene.worker(meet, threads=3):
        for socket in "xyz":
            await scene.enqueue(0, f"{INTERFACE}!{socket}")
        await await_until(scene.events, "an answer")
    assert {type(event) for event in await scene.events()} == {Ack}


async def test_a_worker_takes_no_more_than_it_has_threads_free(scene: Scene) -> None:
    begun, go_on = threading.Semaphore(0), threading.Event()

    def wait(message: Message) -> None:
        begun.release()
        go_on.wait(timeout=20)

    async with scene.worker(wait, threads=1):
        for socket in "xyz":
            await scene.enqueue(0, f"{INTERFACE}!{socket}")
        await await_until(lambda: begun.acquire(blocking=False), "the first to begin")
        left = await scene.layer.take("worker.other", ["websocket.connect"], count=9, wait=0)
        go_on.set()
    assert len(left) == 2


async def test_stopping_finishes_what_was_begun_and_takes_nothing_new(scene: Scene) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def wait(message: Message) -> None:
        begun.set()
        go_on.wait(timeout=20)
        greet(message)

    async with scene.worker(wait, threads=4) as stop:
        await scene.enqueue(0)
        await await_until(begun.is_set, "the consumer to begin")
        stop.set()
        # The reader may be in its last receive, which ends within its wait.
        await await_until(lambda: not [t for t in asyncio.all_tasks() if t.get_name().startswith("read")])
        await scene.enqueue(0, f"{INTERFACE}!late")
        go_on.set()
    assert await scene.events() == [Reply(SOCKET, {"text": "websocket.connect"}), Ack(SOCKET, 0)]
    assert await scene.layer.depth("websocket.connect") == 1
    assert await scene.layer.worker_beats() == {}


async def test_what_a_dead_worker_held_runs_elsewhere(scene: Scene, settings: Any) -> None:
    settings.SWITCHBOARD = {"WORKER_LEASE": 0.4}
    await scene.enqueue(0)
    dead = await scene.layer.take("worker.dead", ["websocket.connect"], count=1, wait=0)
    async with scene.worker(greet):
        await scene.expect(Reply(SOCKET, {"text": "websocket.connect"}), Ack(SOCKET, 0))
    assert not await scene.layer.commit("worker.dead", dead[0], [Reply(SOCKET, {"text": "again"})])
    assert len(await scene.events()) == 2


async def test_a_live_worker_keeps_what_it_runs_for_longer_than_a_lease(scene: Scene, settings: Any) -> None:
    settings.SWITCHBOARD = {"WORKER_LEASE": 0.4}
    runs, go_on = [], threading.Event()

    def wait(message: Message) -> None:
        runs.append(message.id)
        go_on.wait(timeout=20)

    async with scene.worker(wait), scene.worker(wait):
        await scene.enqueue(0)
        await await_until(lambda: runs, "the consumer to begin")
        beats = await scene.layer.worker_beats()

        async def beaten() -> bool:
            now = await scene.layer.worker_beats()
            return len(now) == 2 and all(now[name] >= beats.get(name, 0) + 12 for name in now)

        # Twelve beats are three leases.
        await await_until(beaten, "three leases to pass")
        go_on.set()
    assert runs == [f"{SOCKET}/0"]


async def test_only_the_channels_it_was_told(scene: Scene) -> None:
    async with scene.worker(greet, channels=["websocket.receive"]):
        await scene.enqueue(0)
        [delivery] = await scene.layer.take("worker.other", ["websocket.connect"], count=1, wait=5)
    assert delivery.envelope.order == 0


CHANNELS = [f"jobs.{number}" for number in range(5)]


async def test_it_takes_no_more_than_it_has_threads_free_from_all_channels_together(scene: Scene) -> None:
    begun, go_on = threading.Semaphore(0), threading.Event()

    def wait(message: Message) -> None:
        begun.release()
        go_on.wait(timeout=20)

    for name in CHANNELS:
        await scene.layer.publish([Envelope(name, name, {})])
    async with scene.worker(routes=[route(CHANNELS, wait)], threads=1):
        await await_until(lambda: begun.acquire(blocking=False), "the first to begin")
        left = await scene.layer.take("worker.other", CHANNELS, count=9, wait=0)
        for delivery in left:
            await scene.layer.commit("worker.other", delivery)
        go_on.set()
    assert len(left) == 4


async def test_waiting_for_a_thread_counts_towards_no_time_limit(
    scene: Scene, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A failed batch: five messages share one thread, and the last waits for longer than any of them may run."""
    settings.SWITCHBOARD = {"CONSUMER_TIME_LIMIT": 3.0}

    def work(messages: list[Message]) -> None:
        if len(messages) > 1:
            raise ValueError("run each by itself")
        threading.Event().wait(1.0)

    await scene.layer.publish([Envelope("jobs", str(number), {}) for number in range(5)])
    async with scene.worker(routes=[route("jobs", batch(work))], threads=1) as stop:

        async def done() -> bool:
            return await scene.layer.depth("jobs") == 0

        await await_until(done, "all handled")
        assert not stop.is_set(), "none was overdue, or the worker would end"
    assert "did not return" not in caplog.text
