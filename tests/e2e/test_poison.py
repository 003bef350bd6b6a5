"""A message that ends its worker takes down neither the pool nor its neighbours, and can be dealt with afterwards."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect

from switchboard.testing.processes import ROOT, Daphne, PrivateRedis, Worker, project_environment
from switchboard.testing.waiting import wait_until

pytestmark = pytest.mark.redis


class Pool:
    """An interface and two workers that are started again when they end, as supervisord does it."""

    def __init__(self, redis: PrivateRedis, stack: ExitStack, folder: Path) -> None:
        self.antidote = folder / "antidote"
        self.settings = {
            "DJANGO_SETTINGS_MODULE": "tests.e2e.poison.settings",
            "DATA_DIR": str(folder),
            "ANTIDOTE": str(self.antidote),
        }
        self.redis_url = redis.url
        self.interface = stack.enter_context(Daphne(redis.url, **self.settings))
        self.workers = [
            stack.enter_context(Worker(redis.url, name=f"worker-{number}", **self.settings)) for number in range(2)
        ]
        self.ends: list[int | None] = []

    @asynccontextmanager
    async def supervised(self) -> AsyncIterator[None]:
        async def supervise() -> None:
            while True:
                for worker in self.workers:
                    if not worker.running:
                        self.ends.append(worker.returncode)
                        await asyncio.to_thread(worker.start)
                await asyncio.sleep(0.1)  # supervisord's own interval is a second

        task = asyncio.create_task(supervise())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def deadletters(self, *arguments: str) -> str:
        command = [sys.executable, str(ROOT / "manage.py"), "deadletters", *arguments]
        environment = project_environment(self.redis_url, **self.settings)
        run = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT, timeout=60)
        assert "Traceback" not in run.stderr, run.stderr
        return run.stdout + run.stderr


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    with ExitStack() as stack:
        yield Pool(stack.enter_context(PrivateRedis()), stack, tmp_path)


async def chat_along(socket: ClientConnection, enough: asyncio.Event) -> None:
    """Send and hear the echo again and again, a few times at least."""
    number = 0
    while not enough.is_set() or number <= 10:
        await socket.send(str(number))
        assert await asyncio.wait_for(socket.recv(), 30) == str(number)
        number += 1
        await asyncio.sleep(0.02)  # the pace of the talk


async def test_it_becomes_a_dead_letter_and_everybody_else_goes_on(pool: Pool) -> None:
    url = f"{pool.interface.websocket_url}/"
    async with pool.supervised(), connect(url) as poisoned, connect(url) as one, connect(url) as other:
        enough = asyncio.Event()
        talks = [asyncio.create_task(chat_along(socket, enough)) for socket in (one, other)]
        await poisoned.send("die")
        assert await asyncio.wait_for(poisoned.recv(), 90) == "DeadLettered: given up after 4 attempts"
        await poisoned.send("still here")
        assert await asyncio.wait_for(poisoned.recv(), 30) == "still here"
        enough.set()
        await asyncio.wait_for(asyncio.gather(*talks), 60)
    assert pool.ends == [70] * 4, "it ended a worker at its first run and at three more, and none did otherwise"

    listed = await asyncio.to_thread(pool.deadletters, "list")
    assert "websocket.receive" in listed and "1 dead letter(s)" in listed
    tag = listed.split()[0]
    assert "'text': 'die'" in await asyncio.to_thread(pool.deadletters, "show", tag)
    assert "There is no dead letter" in await asyncio.to_thread(pool.deadletters, "show", "9-9")

    pool.antidote.touch()
    assert "sent again" in await asyncio.to_thread(pool.deadletters, "send", tag)
    assert "There is no dead letter" in await asyncio.to_thread(pool.deadletters, "drop", tag)
    assert "0 dead letter(s)" in await asyncio.to_thread(pool.deadletters, "list")


async def test_a_consumer_that_hangs_costs_its_worker_and_nothing_else(pool: Pool) -> None:
    url = f"{pool.interface.websocket_url}/"
    async with connect(url) as stuck, connect(url) as one:
        await stuck.send("hang")
        enough = asyncio.Event()
        talk = asyncio.create_task(chat_along(one, enough))
        ended = await asyncio.to_thread(
            wait_until, lambda: [worker for worker in pool.workers if not worker.running], "a worker to give up"
        )
        assert ended[0].returncode == 1 and "did not return within 3 s" in ended[0].log
        enough.set()
        await asyncio.wait_for(talk, 60)
