"""The served interface, under stock Daphne and under our own server; and one without any server."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import httpx
import pytest

from switchboard.testing.processes import Daphne
from switchboard.testing.waiting import wait_until
from tests.integration.interface.scene import Scene

OURS = "switchboard.interface"
STOCK = "daphne"


class Served(Daphne):
    """``served.application`` in a process of its own."""

    application = "tests.integration.interface.served:application"

    def __init__(self, module: str, options: Sequence[str] = (), **environment: str) -> None:
        self.module = module
        self.program = (sys.executable, "-m", module)
        super().__init__(options=options, name="served", DJANGO_SETTINGS_MODULE="tests.settings", **environment)

    def seen(self, path: str) -> list[tuple[str, dict[str, str]]]:
        """What the worker saw of the sockets at ``path``: channel and content, values as their repr."""
        said = json.loads(httpx.get(f"{self.url}/seen", timeout=20).text)
        return [(channel, content) for channel, content in said["seen"] if content["path"] == repr(path)]

    def wait_for_disconnect(self, path: str) -> dict[str, str]:
        """The only disconnect at ``path``, which is the last message there."""

        def last() -> Any:
            seen = self.seen(path)
            return seen[-1] if seen and seen[-1][0] == "websocket.disconnect" else None

        found: dict[str, str] = wait_until(last, f"disconnect of {path}")[1]
        assert [channel for channel, _ in self.seen(path)].count("websocket.disconnect") == 1
        return found


@pytest.fixture(scope="session")
def ours() -> Iterator[Served]:
    with Served(OURS) as served:
        yield served


@pytest.fixture(scope="session")
def stock() -> Iterator[Served]:
    with Served(STOCK, ["--websocket_connect_timeout", "60"]) as served:
        yield served


@pytest.fixture(params=["ours", "stock"])
def served(request: pytest.FixtureRequest) -> Served:
    """Either of them."""
    server: Served = request.getfixturevalue(request.param)
    return server


@pytest.fixture
async def scene(settings: Any) -> AsyncIterator[Scene]:
    settings.SWITCHBOARD = {"INTERFACE_BEAT": 0.05}
    scene = Scene()
    yield scene
    await scene.interface.stop()
    for client in scene.clients:
        client.task.cancel()
    await asyncio.gather(*(client.task for client in scene.clients), return_exceptions=True)
    leftover = [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert [name for name in leftover if not name.startswith("Task-")] == []
