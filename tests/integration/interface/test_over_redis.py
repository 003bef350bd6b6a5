"""The interface with a real Redis and a real worker: when it ends, and when Redis stands still or loses its data."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis import Redis
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from switchboard.events import Reply
from switchboard.layers.redis import RedisLayer
from switchboard.testing.processes import ROOT, Daphne, PrivateRedis, Worker, project_environment
from switchboard.testing.waiting import wait_until

pytestmark = pytest.mark.redis


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    environment = project_environment(DATA_DIR=str(tmp_path))
    subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity", "0"], env=environment, check=True
    )
    return tmp_path


@pytest.fixture
def worker(private_redis_server: PrivateRedis, folder: Path) -> Iterator[Worker]:
    with Worker(private_redis_server.url, DATA_DIR=str(folder)) as worker:
        yield worker


@pytest.fixture
def interface(private_redis_server: PrivateRedis, folder: Path) -> Iterator[Daphne]:
    with Daphne(private_redis_server.url, DATA_DIR=str(folder)) as interface:
        yield interface


def say(socket: ClientConnection, text: str) -> None:
    socket.send(json.dumps({"handle": "me", "message": text}))


def hear(socket: ClientConnection) -> str:
    message: str = json.loads(socket.recv(30))["message"]
    return message


def test_sigterm_reports_every_socket(worker: Worker, interface: Daphne) -> None:
    with ExitStack() as stack:
        urls = [f"{interface.websocket_url}/chat/ends-{number}/" for number in range(20)]
        sockets = [stack.enter_context(connect(url)) for url in urls]
        for socket in sockets:
            say(socket, "hello")
        assert [hear(socket) for socket in sockets] == ["hello"] * 20

        interface.signal(signal.SIGTERM)
        for socket in sockets:
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(30)
            assert closed.value.rcvd and closed.value.rcvd.code == 1012
    assert interface.wait(10) == 0
    for number in range(20):
        worker.wait_for_log(f"ends-{number} left")
    assert "Traceback" not in interface.log


def test_a_frozen_redis_is_a_pause(worker: Worker, interface: Daphne, private_redis_server: PrivateRedis) -> None:
    with connect(f"{interface.websocket_url}/chat/frozen/") as socket:
        say(socket, "before")
        assert hear(socket) == "before"
        private_redis_server.signal(signal.SIGSTOP)
        say(socket, "meanwhile")
        say(socket, "and this")
        interface.wait_for_log("the inbox can't be read")
        private_redis_server.signal(signal.SIGCONT)
        assert [hear(socket), hear(socket)] == ["meanwhile", "and this"]


def test_sigterm_while_redis_is_frozen(worker: Worker, interface: Daphne, private_redis_server: PrivateRedis) -> None:
    with connect(f"{interface.websocket_url}/chat/frozen/") as socket:
        say(socket, "before")
        assert hear(socket) == "before"
        private_redis_server.signal(signal.SIGSTOP)
        assert interface.terminate(10) == 0
        private_redis_server.signal(signal.SIGCONT)


def test_a_frozen_interface_costs_redis_its_bound_and_then_goes_on(
    worker: Worker, interface: Daphne, private_redis_server: PrivateRedis, folder: Path
) -> None:
    layer = RedisLayer([private_redis_server.url])
    with (
        Daphne(private_redis_server.url, DATA_DIR=str(folder), name="other interface") as other,
        Redis.from_url(private_redis_server.url) as shell,
        connect(f"{interface.websocket_url}/chat/frozen/") as socket,
    ):
        say(socket, "before")
        assert hear(socket) == "before"
        (name,) = asyncio.run(layer.interface_beats())
        interface.signal(signal.SIGSTOP)
        with connect(f"{other.websocket_url}/chat/frozen/") as there:
            for _ in range(50):
                asyncio.run(layer.publish([Reply(f"{name}!nobody", {"text": "x" * 1024 * 1024})]))
                assert shell.info("memory")["used_memory"] < 45 * 1024 * 1024
            say(there, "meanwhile")
            assert hear(there) == "meanwhile"
        interface.signal(signal.SIGCONT)
        assert hear(socket) == "meanwhile"
        say(socket, "after")
        assert hear(socket) == "after"
    assert "held more unread bytes than it may" in interface.log or "ends at" in interface.log
    assert "data lost: False" in interface.log
    assert "starts over" not in interface.log
    assert "Traceback" not in interface.log


@pytest.fixture
def room(worker: Worker, interface: Daphne) -> Iterator[list[ClientConnection]]:
    """Three sockets in one room."""
    with ExitStack() as stack:
        yield [stack.enter_context(connect(f"{interface.websocket_url}/chat/lost/")) for _ in range(3)]


def all_hear(room: list[ClientConnection], *texts: str) -> None:
    for socket in room:
        assert [hear(socket) for _ in texts] == list(texts)


def save(redis: PrivateRedis) -> None:
    """Have it write what it holds to its folder, from where it starts."""
    with contextlib.closing(Redis.from_url(redis.url)) as client:
        client.save()


def test_redis_started_empty(
    room: list[ClientConnection], interface: Daphne, private_redis_server: PrivateRedis
) -> None:
    say(room[0], "before")
    all_hear(room, "before")
    private_redis_server.kill()
    say(room[1], "while it is gone")
    say(room[1], "and this")
    private_redis_server.start()

    all_hear(room, "while it is gone", "and this")
    say(room[2], "after")
    all_hear(room, "after")
    assert "data lost: True" in interface.log
    assert "Traceback" not in interface.log


def test_redis_started_with_old_data(
    room: list[ClientConnection], worker: Worker, interface: Daphne, private_redis_server: PrivateRedis
) -> None:
    with connect(f"{interface.websocket_url}/chat/left/") as leaves:
        say(leaves, "hello")
        assert hear(leaves) == "hello"
        say(room[0], "before")
        all_hear(room, "before")
        save(private_redis_server)
        say(room[0], "later")
        all_hear(room[:1], "later")
        say(room[1], "and later")
        all_hear(room[:1], "and later")
    worker.wait_for_log("left left")
    private_redis_server.kill()
    private_redis_server.start()

    all_hear(room[1:], "later", "and later")
    say(room[2], "after")
    say(room[2], "and after")
    all_hear(room, "after", "and after")
    wait_until(lambda: worker.log.count("left left") == 2, "its old record is gone as well")


def test_redis_killed_again_and_again_under_traffic(
    room: list[ClientConnection], interface: Daphne, private_redis_server: PrivateRedis
) -> None:
    texts: list[str] = []
    for number in range(3):
        for socket in room:
            texts.append(f"{number} {len(texts)}")
            say(socket, texts[-1])
        private_redis_server.kill()
        private_redis_server.start()
    heard = [[hear(socket) for _ in texts] for socket in room]

    assert sorted(heard[0]) == sorted(texts), "each once"
    assert heard[1] == heard[0] and heard[2] == heard[0], "in one order"
    assert "Traceback" not in interface.log
