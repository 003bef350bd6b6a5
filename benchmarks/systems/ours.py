"""Switchboard as `make run` starts it: a private Redis, interfaces, workers, the product's settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.systems.base import Running, System
from switchboard.testing.processes import Daphne, PrivateRedis
from tests.site import Site

SETTINGS = "benchmarks.product_settings"


@dataclass(frozen=True)
class Switchboard(System):
    """By default the two processes that every peer has too, one interface and one worker."""

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
        settings = {"DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": SETTINGS, "DEBUG": "", "DATABASE_URL": ""}
        with ExitStack() as stack:
            redis = stack.enter_context(PrivateRedis())
            interfaces = [
                Daphne(redis.url, name=f"interface-{number}", **settings) for number in range(self.interfaces)
            ]
            site = Site(redis, interfaces[0], settings, stack=stack)
            site.manage("migrate", "--verbosity", "0")
            site.manage("collectstatic", "--noinput", "--verbosity", "0")
            if self.history:
                site.manage("shell", "-c", f"from benchmarks.history import fill; fill({self.rooms}, {self.history})")
            for interface in interfaces:
                stack.enter_context(interface)
            for _ in range(self.workers):
                site.add_worker()
            urls = [interface.websocket_url for interface in interfaces]
            yield Running(self.dialect, interfaces, urls, workers=site.workers, redis=redis)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
