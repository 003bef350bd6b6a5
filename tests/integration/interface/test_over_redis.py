"""The interface with a real Redis and a real worker: when it ends, and when Redis stands still."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from switchboard.testing.processes import ROOT, Daphne, PrivateRedis, Worker, project_environment

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
