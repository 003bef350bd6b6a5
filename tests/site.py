"""A whole Switchboard of real processes: a Redis, an interface, workers, a database of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from switchboard.testing.processes import ROOT, Daphne, PrivateRedis, Worker, project_environment

#: Seconds for opening a socket. The interface gives a handshake 15 (CONNECT_TIMEOUT), and then says so; a client that
#: gives up before (`websockets` after 10) hides what it says, and a worker's first message may take long.
HANDSHAKE = 30.0


@dataclass
class Site:
    """One interface, and the workers behind it."""

    redis: PrivateRedis
    interface: Daphne
    settings: dict[str, str]
    workers: list[Worker] = field(default_factory=list)
    stack: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> str:
        return self.interface.url

    @property
    def websocket_url(self) -> str:
        return self.interface.websocket_url

    def add_worker(self) -> Worker:
        """One more worker, ready."""
        worker = Worker(self.redis.url, name=f"worker-{len(self.workers)}", **self.settings)
        self.workers.append(self.stack.enter_context(worker))
        return worker

    def manage(self, *arguments: str, **settings: str) -> str:
        """Run a command of manage.py on this site; what it printed."""
        environment = project_environment(self.redis.url, **self.settings, **settings)
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT, timeout=120)
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout


@contextmanager
def running_site(folder: Path, *, workers: int = 2, **settings: str) -> Iterator[Site]:
    """A site with its data in ``folder``, for as long as the block lasts; ``settings`` are of its environment."""
    settings = {"DATA_DIR": str(folder), **settings}
    with ExitStack() as stack:
        redis = stack.enter_context(PrivateRedis())
        site = Site(redis, Daphne(redis.url, **settings), settings, stack=stack)
        site.manage("migrate", "--verbosity", "0")
        site.manage("collectstatic", "--noinput", "--verbosity", "0")
        stack.enter_context(site.interface)
        for _ in range(workers):
            site.add_worker()
        yield site
