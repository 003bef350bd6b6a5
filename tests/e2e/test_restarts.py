"""Deploys and crashes of workers, as the people who chat meanwhile see them: not at all."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from switchboard.testing.waiting import await_until
from tests.site import HANDSHAKE, Site, running_site

pytestmark = [pytest.mark.redis, pytest.mark.timeout(300)]

ROOMS = ("tea", "coffee")
MEMBERS = 3
#: Messages that a member is ahead of what came back to it: more than dies with a worker, and so few that a machine on
#: which less is handled than said has handled them by the end.
AHEAD = 20


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with running_site(tmp_path) as site:
        yield site


class Member:
    """Somebody in a room who talks all the time and writes down what arrives."""

    def __init__(self, socket: ClientConnection, room: str, handle: str) -> None:
        self.socket = socket
        self.room = room
        self.handle = handle
        self.sent: list[str] = []
        self.received: list[tuple[str, str]] = []

    async def listen(self) -> None:
        async for frame in self.socket:
            line = json.loads(frame)
            self.received.append((line["handle"], line["message"]))

    async def talk(self, enough: asyncio.Event) -> None:
        while not enough.is_set():
            if len(self.sent) - len(self.heard_from(self)) < AHEAD:
                text = f"{self.handle} {len(self.sent)}"
                await self.socket.send(json.dumps({"handle": self.handle, "message": text}))
                self.sent.append(text)
            await asyncio.sleep(0.05)  # the pace of the talk, not a wait for anything

    def heard_from(self, other: Member) -> list[str]:
        return [text for handle, text in self.received if handle == other.handle]


async def test_workers_restart_and_die_while_people_chat(site: Site) -> None:
    enough = asyncio.Event()
    async with AsyncExitStack() as stack:
        members = []
        for room, number in itertools.product(ROOMS, range(MEMBERS)):
            opening = connect(f"{site.websocket_url}/chat/{room}/", open_timeout=HANDSHAKE)
            members.append(Member(await stack.enter_async_context(opening), room, f"{room}{number}"))
        listening = [asyncio.create_task(member.listen()) for member in members]
        talking = [asyncio.create_task(member.talk(enough)) for member in members]

        async def progress() -> None:
            """Everybody was heard anew."""
            before = [len(member.received) for member in members]
            await await_until(
                lambda: all(len(member.received) > count for member, count in zip(members, before, strict=True)),
                "everybody to hear something new",
            )

        await progress()
        for worker in site.workers:
            assert await asyncio.to_thread(worker.terminate) == 0
            await asyncio.to_thread(worker.start)
            await progress()
        site.workers[0].kill()
        await asyncio.to_thread(site.workers[0].start)
        await progress()
        site.workers[1].kill()
        await progress()

        enough.set()
        await asyncio.gather(*talking)
        total = {room: sum(len(member.sent) for member in members if member.room == room) for room in ROOMS}
        await await_until(
            lambda: all(len(member.received) >= total[member.room] for member in members),
            "everything to arrive",
            timeout=60,
        )
        assert not any(task.done() for task in listening), "no socket closed"
        for task in listening:
            task.cancel()

    for member in members:
        for other in members:
            expected = other.sent if other.room == member.room else []
            assert member.heard_from(other) == expected, "everything once, in order"


async def test_a_page_that_pings_is_answered_with_no_worker_running(site: Site) -> None:
    url, v1 = f"{site.websocket_url}/chat/tea/", Subprotocol("switchboard.v1")
    async with connect(url, subprotocols=[v1], open_timeout=HANDSHAKE) as page:
        for worker in site.workers:
            assert await asyncio.to_thread(worker.terminate) == 0
        for ping in ('{"t":"ping"}', '{"t": "ping"}', '{"t":"ping"}'):
            await page.send(ping)  # what the page sends, and another spelling, which waits for a worker
        async with asyncio.timeout(60):  # a worker starts meanwhile
            assert [await page.recv() for _ in range(2)] == ['{"t":"pong"}'] * 2
            await asyncio.to_thread(site.workers[0].start)
            assert await page.recv() == '{"t":"pong"}'
