"""What a worker does with messages that end it, hang, or find no database."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from django.db import OperationalError

from switchboard import DeadLettered, Message, batch, on_error, route
from switchboard.events import Ack, Envelope, Reply
from switchboard.layers.base import Begun
from switchboard.routing import Router
from switchboard.testing.waiting import await_until
from switchboard.worker.loop import Worker
from switchboard.worker.runner import Overdue
from tests.unit.worker.conftest import INTERFACE, SOCKET, Scene

CONNECT = "websocket.connect"


@pytest.fixture(autouse=True)
def _short_leases(settings: Any) -> None:
    settings.SWITCHBOARD = {"WORKER_LEASE": 0.4, "MAX_ATTEMPTS": 3, "CONSUMER_TIME_LIMIT": 20.0}


async def end_workers(scene: Scene, times: int) -> None:
    """So many workers began to run what is on the channel, and died of it."""
    await scene.layer.take("worker.0", [CONNECT], count=1, wait=0)
    for number in range(1, times + 1):
        [pending] = await scene.layer.pending([CONNECT], idle=0)
        taken = await scene.layer.take_over(f"worker.{number}", pending)
        assert taken is not None
        assert (await scene.layer.begin(f"worker.{number}", taken)).begun is Begun.RUN


def greet(message: Message) -> None:
    message.reply_channel.send({"text": "hello"})  # type: ignore[union-attr]


async def test_a_message_that_ends_every_worker_becomes_a_dead_letter(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    await scene.enqueue(0)
    await end_workers(scene, 3)
    async with scene.worker(greet):
        await scene.expect(Ack(SOCKET, 0, failed=True))
    [letter] = await scene.layer.dead_letters()
    assert letter.envelope.id == f"{SOCKET}/0"
    assert f"{SOCKET}/0 is given up" in caplog.text


async def test_one_attempt_less_still_runs(scene: Scene) -> None:
    await scene.enqueue(0)
    await end_workers(scene, 2)
    async with scene.worker(greet):
        await scene.expect(Reply(SOCKET, {"text": "hello"}), Ack(SOCKET, 0))
    assert await scene.layer.dead_letters() == []


async def test_the_error_hook_answers_for_a_dead_letter(scene: Scene) -> None:
    def regret(message: Message, error: Exception) -> None:
        assert isinstance(error, DeadLettered)
        message.reply_channel.send({"text": f"tried {error.attempts} times"})  # type: ignore[union-attr]

    @on_error(regret)
    def deadly(message: Message) -> None: ...

    await scene.enqueue(0)
    await end_workers(scene, 3)
    async with scene.worker(deadly):
        await scene.expect(Reply(SOCKET, {"text": "tried 4 times"}), Ack(SOCKET, 0, failed=True))


async def test_a_dead_letter_can_be_sent_again(scene: Scene) -> None:
    await scene.enqueue(0)
    await end_workers(scene, 3)
    async with scene.worker(greet):
        await scene.expect(Ack(SOCKET, 0, failed=True))
        [letter] = await scene.layer.dead_letters()
        assert await scene.layer.revive(letter.tag)
        await scene.expect(Ack(SOCKET, 0, failed=True), Reply(SOCKET, {"text": "hello"}))
    assert await scene.layer.dead_letters() == []


async def test_a_redelivered_message_runs_alone(scene: Scene) -> None:
    together: list[int] = []
    running, go_on = threading.Semaphore(0), threading.Event()
    inside = 0
    lock = threading.Lock()

    def count(message: Message) -> None:
        nonlocal inside
        with lock:
            inside += 1
            together.append(inside)
        running.release()
        if message.id.startswith(f"{INTERFACE}!again"):
            go_on.wait(timeout=20)
        with lock:
            inside -= 1

    await scene.enqueue(0, f"{INTERFACE}!again")
    await scene.layer.take("worker.dead", [CONNECT], count=1, wait=0)
    async with scene.worker(count):
        await await_until(lambda: running.acquire(blocking=False), "the redelivered one to run")
        for socket in "xyz":
            await scene.enqueue(0, f"{INTERFACE}!{socket}")

        async def taken() -> bool:
            return len(await scene.layer.pending([CONNECT], idle=0)) == 4

        await await_until(taken, "its neighbours to be taken")
        go_on.set()
        await await_until(lambda: len(together) == 4, "all to run")
    assert together[0] == 1, "nobody ran beside it"


async def test_a_database_that_is_away_is_waited_for(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    tries = []

    def store(message: Message) -> None:
        tries.append(message.id)
        if len(tries) < 4:
            raise OperationalError("database is locked")
        greet(message)

    async with scene.worker(store):
        await scene.enqueue(0)
        await scene.expect(Reply(SOCKET, {"text": "hello"}), Ack(SOCKET, 0))
    assert tries == [f"{SOCKET}/0"] * 4
    assert "waits for what is away" in caplog.text


async def test_a_worker_that_stops_meanwhile_leaves_the_message_to_others_uncounted(scene: Scene) -> None:
    tried = threading.Event()

    def store(message: Message) -> None:
        tried.set()
        raise OperationalError("server closed the connection unexpectedly")

    await scene.enqueue(0)
    await end_workers(scene, 2)
    async with scene.worker(store):
        await await_until(tried.is_set, "the first try")
    assert await scene.events() == []
    [pending] = await scene.layer.pending([CONNECT], idle=0)
    taken = await scene.layer.take_over("worker.next", pending)
    assert taken is not None
    assert (await scene.layer.begin("worker.next", taken)).number == 3, "as if that worker had not been"


async def test_a_consumer_that_does_not_return_ends_its_worker_and_nothing_else(
    scene: Scene, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SWITCHBOARD = {"WORKER_LEASE": 0.4, "CONSUMER_TIME_LIMIT": 3.0}
    release = threading.Event()

    def hang(message: Message) -> None:
        if message.id.startswith(f"{INTERFACE}!stuck"):
            release.wait(timeout=20)
        greet(message)

    worker = Worker(scene.layer, Router([route(CONNECT, hang)]))
    try:
        await scene.enqueue(0, f"{INTERFACE}!stuck")
        await scene.enqueue(0)
        with pytest.raises(Overdue, match="did not return within 3 s"):
            await worker.run(asyncio.Event())
        assert await scene.events() == [Reply(SOCKET, {"text": "hello"}), Ack(SOCKET, 0)]
        assert len(await scene.layer.pending([CONNECT], idle=0)) == 1, "left for another worker"
    finally:
        release.set()


async def test_one_that_hangs_after_a_failed_batch_costs_no_other(scene: Scene, settings: Any) -> None:
    """What had run is acknowledged; what waited for the thread goes to another worker, and was never attempted."""
    settings.SWITCHBOARD = {"WORKER_LEASE": 0.4, "CONSUMER_TIME_LIMIT": 1.0}
    release, ran = threading.Event(), []

    def work(messages: list[Message]) -> None:
        if len(messages) > 1:
            raise ValueError("run each by itself")
        ran.append(messages[0]["n"])
        if messages[0]["n"] == 1:
            release.wait(timeout=20)

    await scene.layer.publish([Envelope("jobs", str(n), {"n": n}) for n in range(4)])
    worker = Worker(scene.layer, Router([route("jobs", batch(work))]), threads=1)
    try:
        with pytest.raises(Overdue, match=r"jobs \(1\) did not return within 1 s"):
            await worker.run(asyncio.Event())
        assert ran == [0, 1]
        assert await scene.layer.depth("jobs") == 3, "the first is acknowledged"
    finally:
        release.set()
    async with scene.worker(routes=[route("jobs", batch(work))]):

        async def done() -> bool:
            return await scene.layer.depth("jobs") == 0

        await await_until(done, "the others, elsewhere")
    assert sorted(ran) == [0, 1, 1, 2, 3]


async def test_a_batch_that_hangs_keeps_no_other_consumer_of_its_channel_from_its_work(
    scene: Scene, settings: Any
) -> None:
    settings.SWITCHBOARD = {"WORKER_LEASE": 0.4, "CONSUMER_TIME_LIMIT": 1.0}
    release = threading.Event()

    def work(messages: list[Message]) -> None: ...

    def hang(messages: list[Message]) -> None:
        release.wait(timeout=20)

    routing = [route("jobs", batch(work), kind="work"), route("jobs", batch(hang), kind="hang")]
    for number, kind in enumerate(["work", "hang", "work", "hang"]):
        await scene.layer.publish([Envelope("jobs", str(number), {"kind": kind})])
    try:
        with pytest.raises(Overdue):
            await Worker(scene.layer, Router(routing), threads=2).run(asyncio.Event())
        left = {pending.tag for pending in await scene.layer.pending(["jobs"], idle=0)}
        assert len(left) == 2 and await scene.layer.depth("jobs") == 2, "the two that hang"
    finally:
        release.set()
