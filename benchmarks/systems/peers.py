"""How the peers are started; what they are, and how they were tuned, stands in `benchmarks.peers`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path

from benchmarks.systems.base import Running, Server, System, Unavailable, module
from switchboard.testing.processes import ROOT, PrivateRedis

#: One for each core of the machine that the figures are of.
PROCESSES = 2
NODE_FOLDER = ROOT / "benchmarks" / "peers" / "node"


@contextmanager
def _behind_redis(dialect: str, server: Callable[[str, PrivateRedis], Server], count: int) -> Iterator[Running]:
    with ExitStack() as stack:
        redis = stack.enter_context(PrivateRedis())
        # One after the other: the first makes the table.
        servers = [stack.enter_context(server(f"server-{number}", redis)) for number in range(count)]
        yield Running(dialect, servers, [each.url for each in servers], redis=redis)


class Channels(System):
    """Channels 4 with one of the layers of channels-redis, on Daphne."""

    def __init__(self, layer: str) -> None:
        self._layer = layer
        self.name = f"channels-{layer}"
        self.title = f"Channels 4, channels-redis {layer}"

    def processes(self) -> str:
        return f"{PROCESSES} Daphne"

    def versions(self) -> dict[str, str]:
        return {name: version(name) for name in ("channels", "channels-redis", "daphne", "Django")}

    @contextmanager
    def running(self, folder: Path) -> Iterator[Running]:
        settings = {
            "DJANGO_SETTINGS_MODULE": "benchmarks.peers.channels4.settings",
            "DATA_DIR": str(folder),
            "PEER_LAYER": self._layer,
        }

        def server(name: str, redis: PrivateRedis) -> Server:
            command = module("daphne", "-b", "127.0.0.1", "-p", "{port}", "benchmarks.peers.channels4.asgi:application")
            return Server(command, {**settings, "REDIS_URL": redis.url}, name=name)

        migrate = module("django", "migrate", "--run-syncdb", "--verbosity", "0")
        subprocess.run(migrate, env={**os.environ, "REDIS_URL": "unix:///none", **settings}, cwd=ROOT, check=True)
        with _behind_redis("classic", server, PROCESSES) as running:
            yield running


class PythonSocketIO(System):
    name = "python-socketio"
    title = "python-socketio, Redis manager"

    def processes(self) -> str:
        return f"{PROCESSES} uvicorn"

    def versions(self) -> dict[str, str]:
        return {name: version(name) for name in ("python-socketio", "python-engineio", "uvicorn", "uvloop")}

    @contextmanager
    def running(self, folder: Path) -> Iterator[Running]:
        def server(name: str, redis: PrivateRedis) -> Server:
            command = module("uvicorn", "--host", "127.0.0.1", "--port", "{port}", "--no-access-log")
            application = "benchmarks.peers.python_socketio:application"
            environment = {"DATA_DIR": str(folder), "REDIS_URL": redis.url}
            return Server([*command, application], environment, name=name)

        with _behind_redis("socket.io", server, PROCESSES) as running:
            yield running


class SocketIO(System):
    """Socket.IO on Node; its packages are installed on first use.

    On a small machine one process may do more than one a core, since the load generator needs a core too: both are
    measured, and compared with is the better one.
    """

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self.name = "socket.io" if processes > 1 else "socket.io-one"
        self.title = "Socket.IO 4, Redis adapter"

    def processes(self) -> str:
        return f"{self._processes} Node"

    def versions(self) -> dict[str, str]:
        if shutil.which("node") is None:
            return {}
        node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
        return {"node": node.removeprefix("v"), **_pinned()}

    @contextmanager
    def running(self, folder: Path) -> Iterator[Running]:
        _install()

        def server(name: str, redis: PrivateRedis) -> Server:
            environment = {"DATA_DIR": str(folder), "REDIS_SOCKET": str(redis.socket), "PORT": "{port}"}
            environment["NODE_ENV"] = "production"
            return Server(["node", "server.js"], environment, name=name, cwd=NODE_FOLDER)

        with _behind_redis("socket.io", server, self._processes) as running:
            yield running


def _pinned() -> dict[str, str]:
    dependencies: dict[str, str] = json.loads((NODE_FOLDER / "package.json").read_text())["dependencies"]
    return dependencies


def _install() -> None:
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise Unavailable(f"there is no {program} on the PATH")
    if (NODE_FOLDER / "node_modules" / "socket.io").is_dir():
        return
    print("npm installs what Socket.IO needs; better-sqlite3 may have to be compiled, which takes a minute or two ...")
    command = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund"]
    install = subprocess.run(command, cwd=NODE_FOLDER, capture_output=True, text=True, check=False)
    if install.returncode:
        raise Unavailable(f"npm install failed: {install.stderr.strip().splitlines()[-1:]}")


class DaphneAlone(System):
    name = "daphne"
    title = "Daphne alone, nothing stored"

    def processes(self) -> str:
        return "1 Daphne"

    def versions(self) -> dict[str, str]:
        return {name: version(name) for name in ("daphne", "autobahn", "Twisted")}

    @contextmanager
    def running(self, folder: Path) -> Iterator[Running]:
        command = module("daphne", "-b", "127.0.0.1", "-p", "{port}", "benchmarks.peers.daphne_alone:application")
        with Server(command, {}) as server:
            yield Running("classic", [server], [server.url])
