"""An interface at its limit of open files: who is in stays, and everybody else is told, not reset."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing, suppress
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
from redis import Redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from switchboard.testing.processes import ROOT, Daphne, PrivateRedis, Worker, project_environment
from tests.integration.interface.conftest import OURS, Served

SOON = 30
LIMIT = resource.RLIMIT_NOFILE

#: The program that the kernel lets have so many open files at first, and so many at most.
LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
os.execv(sys.argv[3], sys.argv[3:])
"""


def limited(soft: int, hard: int) -> tuple[str, ...]:
    """Our server, with limits of open files."""
    return (sys.executable, "-c", LIMITED, str(soft), str(hard), *Daphne.program)


class Limited(Served):
    """``served.application`` under our server, with limits of open files."""

    def __init__(self, soft: int, hard: int) -> None:
        super().__init__(OURS)
        self.program = limited(soft, hard)

    async def status(self, path: str = "/page") -> int:
        async with httpx.AsyncClient(timeout=SOON) as client:
            return (await client.get(self.url + path)).status_code


def read_all(wire: socket.socket) -> bytes:
    """What comes before the connection is closed."""
    answer = b""
    while piece := wire.recv(4096):
        answer += piece
    return answer


class Sockets:
    """What a client has open at an interface."""

    def __init__(self, served: Daphne, path: str, stack: AsyncExitStack) -> None:
        self.open: list[ClientConnection] = []
        self._url = served.websocket_url + path
        self._stack = stack

    async def add(self) -> int | None:
        """Open one more; the code with which it is closed at once, or None."""
        opening = connect(self._url, subprotocols=[Subprotocol("one")], proxy=None, open_timeout=SOON)
        opened = await self._stack.enter_async_context(opening)
        try:
            await opened.send("echo in")
            assert await asyncio.wait_for(opened.recv(), SOON) == "in"
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else -1
        self.open.append(opened)
        return None

    async def fill(self, most: int) -> int | None:
        """Open sockets until one is closed; with which code, or None if all of ``most`` are open."""
        while len(self.open) < most:
            if (code := await self.add()) is not None:
                return code
        return None

    async def all_talk(self) -> None:
        """Every socket is answered."""
        for number, each in enumerate(self.open):
            await each.send(f"echo {number}")
        for number, each in enumerate(self.open):
            assert await asyncio.wait_for(each.recv(), SOON) == str(number)


@asynccontextmanager
async def sockets_at(served: Daphne, path: str = "/echo") -> AsyncIterator[Sockets]:
    async with AsyncExitStack() as stack:
        yield Sockets(served, path, stack)


async def test_the_soft_limit_is_no_limit() -> None:
    with Limited(128, 1024) as served:
        async with sockets_at(served) as sockets:
            assert await sockets.fill(200) is None
            await sockets.all_talk()
            assert await served.status() == HTTPStatus.OK


async def test_beyond_the_hard_limit_clients_are_told_and_the_others_stay() -> None:
    with Limited(128, 256) as served:
        assert "WARNING" in served.log and "soft limit 128, hard limit 256" in served.log
        async with sockets_at(served) as sockets:
            assert await sockets.fill(256) == 1013
            assert len(sockets.open) > 128, "most of the descriptors are for clients"
            async with httpx.AsyncClient(timeout=SOON) as client:
                page = await client.post(served.url + "/page", content=b"x" * 100_000, headers={"Accept": "text/html"})
            assert page.status_code == HTTPStatus.SERVICE_UNAVAILABLE
            assert page.headers["Connection"] == "close" and int(page.headers["Retry-After"]) > 0
            assert "more to do than it can" in page.text
            with socket.create_connection(("127.0.0.1", served.port), timeout=SOON) as wire:
                wire.sendall(b"HEAD /page HTTP/1.1\r\nHost: localhost\r\n\r\n")
                head = await asyncio.to_thread(read_all, wire)  # to the end of the connection
                assert head.startswith(b"HTTP/1.1 503 ") and head.endswith(b"\r\n\r\n")
            assert await sockets.add() == 1013
            await sockets.all_talk()
            assert "connections are refused" in served.log
            for each in sockets.open[:20]:
                await each.close()
            del sockets.open[:20]
            assert await served.status() == HTTPStatus.OK
            assert await sockets.add() is None
            await sockets.all_talk()
        assert "Traceback" not in served.log, served.log


async def test_clients_that_say_nothing_do_not_keep_the_others_from_being_told() -> None:
    with Limited(128, 256) as served:
        async with sockets_at(served) as sockets:
            assert await sockets.fill(256) == 1013
            silent = [socket.create_connection(("127.0.0.1", served.port), timeout=SOON) for _ in range(30)]
            try:
                await sockets.all_talk()
                # They are cut off after a while, a few at a time, and nobody behind them is.
                assert await served.status() == HTTPStatus.SERVICE_UNAVAILABLE
                assert await sockets.add() == 1013
                await sockets.all_talk()
            finally:
                for each in silent:
                    each.close()


def open_files(pid: int) -> int:
    with suppress(FileNotFoundError):
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    pytest.skip("no /proc to count the open files of another process")


async def test_where_nothing_more_can_be_accepted_clients_wait() -> None:
    """The kernel may say so before the limit that was known at the start is reached."""
    with Limited(256, 256) as served, ExitStack() as stack:
        async with sockets_at(served) as sockets:
            assert await sockets.fill(10) is None
            # All of them are in the queue when the first is accepted, and there is room for two.
            served.signal(signal.SIGSTOP)
            resource.prlimit(served.pid, LIMIT, (open_files(served.pid) + 2, 256))
            address = ("127.0.0.1", served.port)
            waiting = [stack.enter_context(socket.create_connection(address, timeout=SOON)) for _ in range(6)]
            served.signal(signal.SIGCONT)
            await asyncio.to_thread(served.wait_for_log, "cannot accept")
            await sockets.all_talk()
            for wire in waiting:
                wire.sendall(b"GET /page HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            resource.prlimit(served.pid, LIMIT, (256, 256))
            for wire in waiting:
                page = await asyncio.to_thread(read_all, wire)
                assert page.startswith(b"HTTP/1.1 200 ") and page.endswith(b"GET ")


async def asked(opened: ClientConnection, question: dict[str, object], answer: str) -> int | None:
    """Ask and wait for the frame that answers; the code if the socket was closed instead."""
    try:
        await opened.send(json.dumps(question))
        while json.loads(await asyncio.wait_for(opened.recv(), SOON))["t"] != answer:
            pass
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else -1
    return None


@pytest.mark.redis
async def test_at_the_limit_redis_can_be_connected_to_anew(private_redis_server: PrivateRedis, tmp_path: Path) -> None:
    url, settings = private_redis_server.url, {"DATA_DIR": str(tmp_path)}
    environment = project_environment(**settings)
    subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], env=environment, cwd=ROOT, check=True)
    interface = Daphne(url, name="limited", **settings)
    interface.program = limited(128, 128)
    with closing(Redis.from_url(url)) as redis, Worker(url, **settings), interface:
        async with AsyncExitStack() as stack:
            sockets: list[ClientConnection] = []
            code: int | None = None
            while code is None:
                assert len(sockets) < 128
                opening = connect(
                    f"{interface.websocket_url}/chat/full/",
                    subprotocols=[Subprotocol("switchboard.v1")],
                    proxy=None,
                    open_timeout=SOON,
                    max_queue=None,  # nobody reads what is told of the others
                )
                sockets.append(await stack.enter_async_context(opening))
                # The interface answers this by itself.
                code = await asked(sockets[-1], {"t": "ping"}, "pong")
            assert code == 1013
            assert redis.client_kill_filter(_type="normal", skipme=True) > 0
            for each in sockets[:-1]:
                assert await asked(each, {"t": "hello", "last": 0}, "welcome") is None
            assert "Too many open files" not in interface.log
