"""An interface's inbox and workers on a layer in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from switchboard import route
from switchboard.events import Envelope, InboxEvent
from switchboard.layers.base import Enqueued
from switchboard.layers.memory import MemoryLayer
from switchboard.routing import Routable, Router
from switchboard.testing.waiting import await_until
from switchboard.worker.loop import Worker

INTERFACE = "interface.a"
SOCKET = f"{INTERFACE}!s"


class Scene:
    """A layer with the inbox of one interface, and workers on it."""

    def __init__(self) -> None:
        self.layer = MemoryLayer()

    @asynccontextmanager
    async def worker(
        self, *consumers: Callable[..., Any], routes: Sequence[Routable] = (), **options: Any
    ) -> AsyncIterator[asyncio.Event]:
        """A running worker with consumers of connects and receives, and ``routes``; its stop event.

        At the end of the block it is stopped and has ended.
        """
        names = ["websocket.connect", "websocket.receive"]
        routing = [*routes, *(route(name, consumer) for name, consumer in zip(names, consumers, strict=False))]
        stop = asyncio.Event()
        task = asyncio.create_task(Worker(self.layer, Router(routing), **options).run(stop))
        try:
            yield stop
        finally:
            stop.set()
            await task

    async def enqueue(self, order: int, socket: str = SOCKET, **content: Any) -> Enqueued:
        channel = "websocket.receive" if order else "websocket.connect"
        content = {"reply_channel": socket, **content}
        receipt = await self.layer.enqueue(Envelope(channel, f"{socket}/{order}", content, socket, order))
        return receipt.outcome

    async def events(self) -> list[InboxEvent]:
        entries = await self.layer.read_inbox(INTERFACE, 0, wait=0)
        return [event for entry in entries for event in entry.events]

    async def expect(self, *events: InboxEvent) -> None:
        async def arrived() -> bool:
            return len(await self.events()) >= len(events)

        await await_until(arrived, "the events")
        assert await self.events() == list(events)


@pytest.fixture
async def scene() -> Scene:
    scene = Scene()
    await scene.layer.open_inbox(INTERFACE)
    return scene
