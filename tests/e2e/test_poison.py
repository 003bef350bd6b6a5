"""A message that ends its worker takes down neither the pool nor its neighbours, and can be dealt with afterwards."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from switchboard.testing.processes import ROOT, Daphne, PrivateRedis, Worker, project_environment
from switchboard.testing.waiting import await_until
from switchboard.waiting import within
from tests.site import HANDSHAKE

pytestmark = [pytest.mark.redis, pytest.mark.timeout(300)]

#: Seconds for an answer that may have to wait for several workers, each of which has to start first.
PATIENCE = 90.0


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
        over = asyncio.Event()

        async def supervise() -> None:
            last_look = False
            while not last_look:
                last_look = await within(over, 0.1)  # supervisord's own interval is a second
                for worker in self.workers:
                    if not worker.running:
                        self.ends.append(worker.returncode)
                        await asyncio.to_thread(worker.start)

        task = asyncio.create_task(supervise())
        try:
            yield
        finally:
            over.set()
            await task  # not cancelled: the start of a worker would go on in its thread

    def socket(self) -> connect:
        return connect(f"{self.interface.websocket_url}/", open_timeout=HANDSHAKE)

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
        assert await asyncio.wait_for(socket.recv(), PATIENCE) == str(number)
        number += 1
        await asyncio.sleep(0.02)  # the pace of the talk


async def test_it_becomes_a_dead_letter_and_everybody_else_goes_on(pool: Pool) -> None:
    async with pool.supervised(), pool.socket() as poisoned, pool.socket() as one, pool.socket() as other:
        enough = asyncio.Event()
        talks = [asyncio.create_task(chat_along(socket, enough)) for socket in (one, other)]
        await poisoned.send("die")
        assert await asyncio.wait_for(poisoned.recv(), PATIENCE) == "DeadLettered: given up after 4 attempts"
        await poisoned.send("still here")
        assert await asyncio.wait_for(poisoned.recv(), 30) == "still here"
        enough.set()
        await asyncio.wait_for(asyncio.gather(*talks), PATIENCE)
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
    # Supervised: whoever takes the message over hangs as well, perhaps before everything else is answered.
    async with pool.supervised(), pool.socket() as stuck, pool.socket() as one:
        await stuck.send("hang")
        enough = asyncio.Event()
        talk = asyncio.create_task(chat_along(one, enough))
        await await_until(lambda: pool.ends, "a worker to give up")
        enough.set()
        await asyncio.wait_for(talk, PATIENCE)
    assert set(pool.ends) == {1}
    assert any("did not return within 6 s" in worker.log for worker in pool.workers)


async def test_views_that_hang_cost_their_workers_and_no_page_after_them(pool: Pool) -> None:
    """As many as both workers have threads: without a limit that would be the last page that anybody saw."""
    async with pool.supervised(), httpx.AsyncClient(base_url=pool.interface.url, timeout=PATIENCE) as browser:
        answers = await asyncio.gather(*(browser.get("/hang/") for _ in range(8)))
        assert [answer.status_code for answer in answers] == [504] * 8
        await await_until(lambda: len(pool.ends) == 2, "both to end")
        assert (await browser.get("/quick/")).text == "quick"
    assert pool.ends == [1, 1]
    logs = [worker.log for worker in pool.workers]
    assert any("GET /hang/ (hang) did not return within 6 s" in log and "in hang" in log for log in logs)
