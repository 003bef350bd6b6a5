"""The ordinary project under stock Daphne, in two real processes that meet on our layer."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.sync.client import ClientConnection, connect

from switchboard.testing.processes import ROOT, Daphne, PrivateRedis, project_environment

pytestmark = pytest.mark.redis

PATIENCE = 20


class StockDaphne(Daphne):
    """Daphne as it comes, serving the project of this folder."""

    # It would refuse a handshake that takes five seconds, and the first ones of a process may on a busy machine.
    program = (sys.executable, "-m", "daphne", "--websocket_connect_timeout", "60")
    application = "tests.integration.channels4.asgi:application"


@pytest.fixture
def servers(private_redis_server: PrivateRedis, tmp_path: Path) -> Iterator[list[StockDaphne]]:
    """Two, over one Redis and one database in which there is ada."""
    redis, settings = private_redis_server.url, {"DATA_DIR": str(tmp_path)}
    make_ada = "from django.contrib.auth.models import User; User.objects.create_user('ada')"
    for words in (
        ["migrate", "--verbosity", "0"],
        ["collectstatic", "--noinput", "-v", "0"],
        ["shell", "-c", make_ada],
    ):
        command = [sys.executable, "manage.py", *words]
        subprocess.run(command, env=project_environment(redis, **settings), cwd=ROOT, check=True, timeout=60)
    with ExitStack() as stack:
        daphnes = [StockDaphne(redis, name=f"daphne-{number}", **settings) for number in range(2)]
        yield [stack.enter_context(daphne) for daphne in daphnes]


def ask(socket: ClientConnection, text: str) -> str:
    socket.send(text)
    return hear(socket)


def hear(socket: ClientConnection) -> str:
    return str(socket.recv(timeout=PATIENCE))


def test_clients_of_two_servers_talk(servers: list[StockDaphne]) -> None:
    here, there = servers
    with (
        connect(f"{here.websocket_url}/async/tea/", open_timeout=PATIENCE) as one,
        connect(f"{there.websocket_url}/sync/tea/", open_timeout=PATIENCE) as other,
    ):
        assert hear(one) == hear(other) == "hello AnonymousUser"
        assert ask(one, "login ada") == "ada"
        assert ask(one, "hello") == hear(other) == "ada: hello"
        other.send("threads a b c d")
        for socket in (one, other):
            assert {hear(socket) for _ in range(4)} == {f"AnonymousUser: {letter}" for letter in "abcd"}
        cookie = {"Cookie": f"sessionid={ask(one, 'key')}"}
        with connect(f"{there.websocket_url}/async/tea/", additional_headers=cookie, open_timeout=PATIENCE) as again:
            assert hear(again) == "hello ada"
            assert ask(one, "logout") == "AnonymousUser"
            assert ask(other, "all here") == hear(one) == "AnonymousUser: all here"
            assert hear(again) == "AnonymousUser: all here"
    with urllib.request.urlopen(f"{there.url}/accounts/login/", timeout=PATIENCE) as page:
        assert page.status == 200
    for server in servers:
        server.terminate()
        assert "Traceback" not in server.log
