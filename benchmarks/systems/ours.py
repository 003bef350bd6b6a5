"""Switchboard as `make run` starts it: a private Redis, interfaces, workers, the product's settings."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.systems.base import Running, System
from switchboard.testing.processes import ROOT, Daphne, PrivateRedis, Worker, project_environment

__all__ = ["Switchboard", "prepared", "settings_for"]


@dataclass(frozen=True)
class Switchboard(System):
    """By default as many processes as the peers have, one interface and one worker."""

    interfaces: int = 1
    workers: int = 1
    dialect: str = "v1"
    #: Rooms and messages in each that the database has from the start.
    rooms: int = 0
    history: int = 0

    name = "switchboard"
    title = "Switchboard"

    def processes(self) -> str:
        return f"{_count(self.interfaces, 'interface')}, {_count(self.workers, 'worker')}"

    def versions(self) -> dict[str, str]:
        return {name: version(name) for name in ("Django", "channels", "channels-redis", "daphne", "Twisted", "redis")}

    @contextmanager
    def running(self, folder: Path) -> Iterator[Running]:
        settings = settings_for(folder)
        prepared(settings, rooms=self.rooms, history=self.history)
        with ExitStack() as stack:
            redis = stack.enter_context(PrivateRedis())
            # Each on a port of its own, and the load generator takes turns, as with the peers.
            interfaces = [
                stack.enter_context(Daphne(redis.url, name=f"interface-{number}", **settings))
                for number in range(self.interfaces)
            ]
            workers = [
                stack.enter_context(Worker(redis.url, name=f"worker-{number}", **settings))
                for number in range(self.workers)
            ]
            urls = [interface.websocket_url for interface in interfaces]
            yield Running(self.dialect, interfaces, urls, workers=workers, redis=redis)


def settings_for(folder: Path) -> dict[str, str]:
    """The environment of a site with its data there."""
    module = "benchmarks.product_settings"
    return {"DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": module, "DEBUG": "", "DATABASE_URL": ""}


def prepared(settings: Mapping[str, str], *, rooms: int = 0, history: int = 0) -> None:
    """Make the site's tables and static files, and a past for its rooms."""
    _manage(settings, "migrate", "--verbosity", "0")
    _manage(settings, "collectstatic", "--noinput", "--verbosity", "0")
    if history:
        _manage(
            settings, "shell", "--no-imports", "-c", f"from benchmarks.history import fill; fill({rooms}, {history})"
        )


def _manage(settings: Mapping[str, str], *words: str) -> None:
    command = [sys.executable, str(ROOT / "manage.py"), *words]
    subprocess.run(command, env=project_environment(**settings), cwd=ROOT, check=True, timeout=300)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
