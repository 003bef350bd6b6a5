"""Real processes for tests: a Redis, interfaces, workers.

Each is a context manager. It enters when the process answers, and leaves with the process and all it started gone,
also when the test failed. A process is started in a group of its own and ended by that group's id; never by a name,
since others may run the same programs. What it writes goes to a file, because a pipe that nobody reads stops the writer
once it is full.

    with PrivateRedis() as redis, Daphne(redis.url) as interface, Worker(redis.url) as worker:
        worker.kill()
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from switchboard import private_redis
from switchboard.testing.ports import HeldPort, listening_socket
from switchboard.testing.waiting import DEADLINE, wait_until

__all__ = ["Daphne", "PrivateRedis", "RunningProcess", "Worker", "project_environment"]

#: The checkout: where manage.py and asgi.py are.
ROOT = Path(__file__).resolve().parents[2]


def project_environment(redis_url: str = "", **settings: str) -> dict[str, str]:
    """This process' environment with the project's settings laid over it; empty values hide those of a `.env` file."""
    fixed = {"DJANGO_SETTINGS_MODULE": "project.settings", "PYTHONUNBUFFERED": "1", "REDIS_URL": redis_url}
    return {**os.environ, **fixed, **settings}


class RunningProcess:
    """One process with its log. Subclasses say with `ready()` when it is usable."""

    #: Seconds between SIGTERM and SIGKILL at the end of the test.
    patience = 15.0

    def __init__(
        self, command: Sequence[str], *, name: str, environment: Mapping[str, str] | None = None, cwd: Path = ROOT
    ) -> None:
        self.command = list(command)
        self.name = name
        self.environment = dict(os.environ if environment is None else environment)
        self.cwd = cwd
        self.process: subprocess.Popen[bytes] | None = None
        self._log_file = Path(tempfile.mkstemp(prefix=f"{name}-", suffix=".log")[1])

    # -- life

    def start(self) -> Self:
        """Start it and wait until it is ready; a process that ended meanwhile is an AssertionError with its log."""
        self.spawn()
        wait_until(self._ready_or_dead, f"{self.name} ready", timeout=DEADLINE)
        return self

    def spawn(self, pass_fds: Sequence[int] = ()) -> None:
        """Start it without waiting."""
        assert self.process is None or self.process.poll() is not None, f"{self.name} runs already"
        with self._log_file.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                cwd=self.cwd,
                pass_fds=pass_fds,
                start_new_session=True,
            )

    def ready(self) -> bool:
        """Whether it can be used now."""
        return True

    def _ready_or_dead(self) -> bool:
        if not self.running:
            raise AssertionError(f"{self.name} ended with {self.returncode}:\n{self.log}")
        return self.ready()

    def terminate(self, timeout: float = DEADLINE) -> int:
        """SIGTERM, and the exit status; AssertionError when it is still there after `timeout` seconds."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self) -> None:
        """SIGKILL to the process and everything in its group, and wait for it to be gone."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process alone: SIGSTOP freezes it, SIGCONT lets it go on."""
        os.kill(self.pid, number)

    def wait(self, timeout: float = DEADLINE) -> int:
        """The exit status; AssertionError with the log when it does not end in time."""
        assert self.process is not None
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {timeout:g} s:\n{self.log}") from None

    # -- state

    @property
    def pid(self) -> int:
        assert self.process is not None, f"{self.name} was never started"
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def returncode(self) -> int | None:
        return None if self.process is None else self.process.poll()

    @property
    def log(self) -> str:
        """Everything it has written so far, of all its starts."""
        return self._log_file.read_text(errors="replace")

    def wait_for_log(self, text: str, *, timeout: float = DEADLINE) -> None:
        """Wait until `text` stands in the log."""
        wait_until(lambda: text in self.log, f"{text!r} in the log of {self.name}", timeout=timeout)

    # -- context

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            print(f"--- log of {self.name}\n{self.log}")
        self.close()

    def close(self) -> None:
        """End it, by SIGKILL if it does not go otherwise, and remove what it left behind."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                self.signal(signal.SIGCONT)
                self.signal(signal.SIGTERM)
            with contextlib.suppress(AssertionError):
                self.wait(self.patience)
        self.kill()
        self._log_file.unlink(missing_ok=True)


class PrivateRedis(RunningProcess):
    """A Redis on a unix socket of its own, empty, forgotten at the end.

    `RedisServerMissing` is raised where there is no binary. It can be killed and started again, and is empty then.
    ``options`` are words for its command line, as ``"--cluster-enabled", "yes"``.
    """

    patience = 3.0

    def __init__(self, *options: str) -> None:
        binary = private_redis.find_redis_server()
        self.folder = private_redis.private_folder()
        self.socket = self.folder / "redis.sock"
        command = private_redis.command_line(socket=self.socket, directory=self.folder, binary=binary)
        super().__init__([*command, *options], name="redis")

    @property
    def url(self) -> str:
        return private_redis.url(self.socket)

    def ready(self) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as wire:
            wire.settimeout(1.0)
            wire.connect(str(self.socket))
            wire.sendall(b"PING\r\n")
            return wire.recv(64).startswith(b"+PONG")
        return False

    def close(self) -> None:
        super().close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Daphne(RunningProcess):
    """An interface process on a loopback port. After its end it can be started again, on the same port."""

    #: Without its options; stock Daphne, `(sys.executable, "-m", "daphne")`, takes the same ones.
    program: tuple[str, ...] = (sys.executable, "-m", "switchboard.interface")
    #: What it serves, as module:attribute.
    application = "asgi:application"

    def __init__(self, redis_url: str = "", *, options: Sequence[str] = (), name: str = "interface", **settings: str):
        # Held until the end, so that nobody takes it before the first start, nor between an end and the next start.
        self._held = HeldPort()
        self.port = self._held.number
        super().__init__([], name=name, environment=project_environment(redis_url, **settings))
        self.options = list(options)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def spawn(self, pass_fds: Sequence[int] = ()) -> None:
        # The socket is bound here and handed over, as supervisord does it: nobody can take the port in between.
        with listening_socket(self.port) as listener:
            number = listener.fileno()
            self.command = self.command_for(number)
            super().spawn([number, *pass_fds])

    def close(self) -> None:
        super().close()
        self._held.close()

    def command_for(self, listener: int) -> list[str]:
        """The command that serves the listening socket of this number."""
        return [*self.program, "--fd", str(listener), *self.options, self.application]

    def ready(self) -> bool:
        # Anything gets a 400 from the HTTP parser itself; a proper request would wait for a worker.
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1.0) as wire:
            wire.sendall(b"?\r\n\r\n")
            return bool(wire.recv(64))
        return False


class Worker(RunningProcess):
    """A worker process: `manage.py runworker`, ready when its log says which channels it listens on."""

    patience = 35.0

    def __init__(self, redis_url: str, *, options: Sequence[str] = (), name: str = "worker", **settings: str):
        super().__init__(
            [sys.executable, str(ROOT / "manage.py"), "runworker", *options],
            name=name,
            environment=project_environment(redis_url, **settings),
        )
        self._seen = 0

    def spawn(self, pass_fds: Sequence[int] = ()) -> None:
        self._seen = len(self.log)  # what an earlier start wrote says nothing about this one
        super().spawn(pass_fds)

    def ready(self) -> bool:
        return "listening on channel" in self.log[self._seen :].lower()
