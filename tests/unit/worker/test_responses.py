"""Responses that are longer than what is sent ahead: how they wait for their clients, and when they are given up.

A worker on a layer in memory; the test is the interface and the client.
"""

from __future__ import annotations

import asyncio
import io
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import pytest
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from switchboard import django_view, responses, route
from switchboard.detaching import MAX_WAITING_RATIO
from switchboard.events import Content, Envelope, Reply
from switchboard.layers.memory import MemoryLayer
from switchboard.names import HTTP_REQUEST, new_reply_channel, token
from switchboard.responses import ABORT, PART_BYTES
from switchboard.routing import Router
from switchboard.testing.waiting import await_until
from switchboard.worker.loop import Worker

INTERFACE = "interface.a"
WINDOW = 600_000
#: Of a content that is sent at once, in two parts.
MEDIUM = 500_000


class Views:
    """What the views of this module do, and did."""

    def __init__(self) -> None:
        self.chunks: Callable[[], Iterator[bytes]] = lambda: iter([b"nothing"])
        self.produced = 0
        self.closed = threading.Event()
        self.file: IO[bytes] = io.BytesIO()

    def file_closed(self) -> bool:
        return self.file.closed


views = Views()


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def produce() -> Iterator[bytes]:
        try:
            for chunk in views.chunks():
                yield chunk
                views.produced += len(chunk)
        finally:
            views.closed.set()

    return StreamingHttpResponse(produce())


def content(request: HttpRequest) -> HttpResponse:
    return HttpResponse(bytes(3 * WINDOW))


def medium(request: HttpRequest) -> HttpResponse:
    return HttpResponse(bytes(MEDIUM))


def file(request: HttpRequest) -> FileResponse:
    return FileResponse(views.file)


def short(request: HttpRequest) -> HttpResponse:
    return HttpResponse("short")


urlpatterns = [
    path("stream/", stream),
    path("medium/", medium),
    path("content/", content),
    path("file/", file),
    path("short/", short),
]
pytestmark = pytest.mark.urls(__name__)


class CountingLayer(MemoryLayer):
    """Counts the calls that wait for reports at the same time."""

    waiting = most_waiting = 0

    async def await_reports(self, channels: Collection[str], *, wait: float) -> Mapping[str, int]:
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        try:
            return await super().await_reports(channels, wait=wait)
        finally:
            self.waiting -= 1


class Scene:
    def __init__(self) -> None:
        self.layer = CountingLayer()
        self.stop = asyncio.Event()
        self.work: asyncio.Task[None] | None = None
        self.parts: defaultdict[str, list[Content]] = defaultdict(list)
        self._read = 0

    async def read_inbox(self) -> None:
        while entries := await self.layer.read_inbox(INTERFACE, self._read, wait=0, drop=True):
            self._read = entries[-1].number
            for event in (event for entry in entries for event in entry.events):
                if isinstance(event, Reply):
                    self.parts[event.channel].append(event.content)

    def start(self, **options: Any) -> None:
        worker = Worker(self.layer, Router([route(HTTP_REQUEST, django_view)]), **options)
        self.work = asyncio.create_task(worker.run(self.stop))

    async def request(self, path: str) -> Client:
        client = Client(self, new_reply_channel(INTERFACE))
        headers = [[b"host", b"testserver"]]
        request = {"reply_channel": client.channel, "method": "GET", "path": path, "headers": headers}
        assert await self.layer.request(Envelope(HTTP_REQUEST, token(), request, client.channel), timeout=60)
        return client


class Client:
    """One request, and what the interface has of its response."""

    def __init__(self, scene: Scene, channel: str) -> None:
        self.scene = scene
        self.channel = channel

    async def parts(self) -> list[Content]:
        await self.scene.read_inbox()
        return self.scene.parts[self.channel]

    async def received(self) -> int:
        return sum(len(part["content"]) for part in await self.parts())

    async def until(self, size: int) -> None:
        async def there() -> bool:
            return await self.received() >= size

        await await_until(there, f"{size} bytes of the response")

    async def last(self) -> Content:
        async def ended() -> list[Content]:
            parts = await self.parts()
            return parts[-1:] if parts and not parts[-1]["more_content"] else []

        return (await await_until(ended, "the end of the response"))[0]

    async def whole(self) -> bytes:
        assert "abort" not in await self.last()
        return b"".join(part["content"] for part in await self.parts())

    async def report(self, total: int) -> None:
        await self.scene.layer.report_written(self.channel, total)

    async def read_everything(self) -> bytes:
        read = 0
        while (parts := await self.parts()) == [] or parts[-1]["more_content"]:
            reports = [part["report"] for part in parts if part.get("report", 0) > read]
            if reports:
                read = reports[-1]
                await self.report(read)
            await asyncio.sleep(0.01)
        return await self.whole()

    async def go(self) -> None:
        await self.report(-1)


@pytest.fixture
async def scene(settings: Any) -> AsyncIterator[Scene]:
    global views
    views = Views()
    settings.SWITCHBOARD = {"HTTP_WINDOW_BYTES": WINDOW, "HTTP_DRAIN_TIMEOUT": 0.01}
    scene = Scene()
    await scene.layer.open_inbox(INTERFACE)
    yield scene
    scene.stop.set()
    if scene.work is not None:
        await scene.work


def numbered(size: int, chunk: int = 50_000) -> Callable[[], Iterator[bytes]]:
    """``size`` bytes that are all different from their neighbours'."""

    def chunks() -> Iterator[bytes]:
        for start in range(0, size, chunk):
            yield b"".join(b"%9d\n" % place for place in range(start, min(start + chunk, size), 10))

    return chunks


async def test_a_chunk_leaves_as_soon_as_it_is_produced(scene: Scene) -> None:
    go_on = threading.Event()

    def chunks() -> Iterator[bytes]:
        yield b"first"
        go_on.wait()
        yield b"second"

    views.chunks = chunks
    scene.start()
    client = await scene.request("/stream/")
    await client.until(5)
    assert (await client.parts())[0]["status"] == 200
    go_on.set()
    assert await client.whole() == b"firstsecond"
    assert [part["content"] for part in await client.parts()] == [b"first", b"second", b""]


async def test_a_long_stream_is_produced_at_once_and_sent_as_it_is_read(scene: Scene) -> None:
    size = 5 * WINDOW
    views.chunks = numbered(size)
    scene.start()
    client = await scene.request("/stream/")
    await await_until(views.closed.is_set, "the response is closed, and nothing was read yet")
    await client.until(WINDOW)
    assert await client.received() < 2 * WINDOW
    assert await client.read_everything() == b"".join(numbered(size)())


@pytest.mark.parametrize("kind", ["content", "stream"])
async def test_waiting_responses_hold_no_thread_and_one_call(scene: Scene, kind: str) -> None:
    views.chunks = numbered(3 * WINDOW)
    scene.start(threads=1)
    # Fewer than may be detached at a time: on a busy machine none may have been produced when the last one begins.
    waiting = [await scene.request(f"/{kind}/") for _ in range(12)]
    for client in waiting:
        await client.until(WINDOW)
    assert await (await scene.request("/short/")).whole() == b"short"
    assert scene.layer.most_waiting == 1
    await waiting[7].report(-1)
    assert len(await waiting[9].read_everything()) == 3 * WINDOW


async def test_a_client_that_goes_ends_its_stream(scene: Scene) -> None:
    views.chunks = lambda: iter(lambda: b"x" * 1000, b"")
    go_slowly(views)
    scene.start()
    client = await scene.request("/stream/")
    await client.until(3000)
    await client.go()
    await await_until(views.closed.is_set, "the view's generator is closed")
    assert "abort" not in (await client.parts())[-1], "there is nobody to be told"


def go_slowly(views: Views) -> None:
    chunks = views.chunks

    def slowly() -> Iterator[bytes]:
        for chunk in chunks():
            yield chunk
            threading.Event().wait(0.001)

    views.chunks = slowly


async def test_a_client_that_goes_takes_its_file_along(scene: Scene) -> None:
    views.chunks = numbered(5 * WINDOW)
    before = nameless_files()
    scene.start()
    client = await scene.request("/stream/")
    await client.until(WINDOW)
    await await_until(lambda: nameless_files() == before + 1, "the rest is in a file")
    await client.go()
    await await_until(lambda: nameless_files() == before, "the file is gone")


def nameless_files() -> int:
    """Return how many files without a name this process has open."""
    links = [entry for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]
    return sum(str(link.readlink()).endswith("(deleted)") for link in links)


@pytest.mark.parametrize("kind", ["on disk", "in memory"])
async def test_a_long_file(scene: Scene, tmp_path: Path, kind: str) -> None:
    data = b"".join(numbered(5 * WINDOW)())
    (tmp_path / "file").write_bytes(data)
    views.file = (tmp_path / "file").open("rb") if kind == "on disk" else io.BytesIO(data)
    scene.start()
    client = await scene.request("/file/")
    await client.until(WINDOW)
    assert await client.received() < 2 * WINDOW
    assert await client.read_everything() == data
    await await_until(views.file_closed, "the file is closed")


async def test_a_file_of_a_client_that_goes_is_closed(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(5 * WINDOW))
    views.file = (tmp_path / "file").open("rb")
    scene.start()
    client = await scene.request("/file/")
    await client.until(WINDOW)
    await client.go()
    await await_until(views.file_closed, "the file is closed")


async def test_a_stream_that_raises_is_cut_off(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"x"
        seen.wait()
        raise ZeroDivisionError

    seen = threading.Event()
    views.chunks = chunks
    scene.start()
    client = await scene.request("/stream/")
    await client.until(1)
    seen.set()
    assert await client.last() == ABORT
    assert "ZeroDivisionError" in caplog.text


async def test_a_stream_that_raises_at_once_is_a_500(scene: Scene) -> None:
    def chunks() -> Iterator[bytes]:
        yield from (b"never" for _ in range(1 // 0))

    views.chunks = chunks
    scene.start()
    client = await scene.request("/stream/")
    assert (await client.last())["status"] == 500
    assert len(await client.parts()) == 1


async def test_a_stream_too_far_ahead_of_its_client_is_given_up(scene: Scene, settings: Any) -> None:
    settings.SWITCHBOARD |= {"HTTP_SPOOL_BYTES": WINDOW, "HTTP_STALL_TIMEOUT": 0.2}
    views.chunks = lambda: iter(lambda: b"x" * 10_000, b"")
    scene.start()
    client = await scene.request("/stream/")
    assert await client.last() == ABORT
    await await_until(views.closed.is_set, "the view's generator is closed")
    assert views.produced < 4 * WINDOW


async def test_a_stream_longer_than_its_bound_waits_for_its_client(scene: Scene, settings: Any) -> None:
    settings.SWITCHBOARD |= {"HTTP_SPOOL_BYTES": WINDOW}
    size = 8 * WINDOW
    chunks = list(numbered(size)())  # so that nothing but the bound slows it down
    views.chunks = lambda: iter(chunks)
    scene.start()
    client = await scene.request("/stream/")
    await client.until(WINDOW)
    await await_until(lambda: views.produced > 3 * WINDOW // 2, "it is about as far ahead as it may be")
    assert not views.closed.is_set()
    assert await client.read_everything() == b"".join(chunks)


async def test_beyond_the_bound_of_all_the_one_that_waits_longest_is_given_up(scene: Scene, settings: Any) -> None:
    settings.SWITCHBOARD |= {"HTTP_SPOOL_TOTAL_BYTES": 7 * WINDOW}
    scene.start()
    first = await scene.request("/content/")
    await first.until(WINDOW)
    second, third = [await scene.request("/content/") for _ in range(2)]
    assert await first.last() == ABORT
    for client in (second, third):
        assert len(await client.read_everything()) == 3 * WINDOW


async def test_more_streams_than_may_be_produced(scene: Scene, settings: Any) -> None:
    settings.SWITCHBOARD |= {"HTTP_STREAM_THREADS": 1}
    go_on = threading.Event()

    def chunks() -> Iterator[bytes]:
        yield b"begun"
        go_on.wait()

    views.chunks = chunks
    scene.start(threads=1)
    clients = [await scene.request("/stream/") for _ in range(1 + MAX_WAITING_RATIO)]

    async def begun() -> bool:
        return any([await client.received() for client in clients])

    await await_until(begun, "one of them is produced")
    refused = await scene.request("/stream/")
    assert (await refused.last())["status"] == 503
    assert await (await scene.request("/short/")).whole() == b"short"
    go_on.set()
    assert [await client.whole() for client in clients] == [b"begun"] * len(clients)


async def test_parts_wait_for_the_inbox_to_be_read(scene: Scene, settings: Any) -> None:
    settings.SWITCHBOARD |= {"INBOX_WINDOW_BYTES": 5 * PART_BYTES // 2}
    scene.start(threads=1)
    channels = [(await scene.request("/content/")) for _ in range(3)]

    async def unread() -> list[int]:
        entries = await scene.layer.read_inbox(INTERFACE, 0, wait=0)
        events = [event for entry in entries for event in entry.events]
        return [len(event.content["content"]) for event in events if isinstance(event, Reply)]

    async def is_full() -> bool:
        return len(await unread()) == 2

    await await_until(is_full, "two parts are there")
    small = await scene.request("/short/")

    async def has_small() -> bool:
        return len(b"short") in await unread()

    await await_until(has_small, "a small one has room, and the thread of views is free")
    assert await unread() == [PART_BYTES, PART_BYTES, 5]
    assert [len(await client.read_everything()) for client in channels] == [3 * WINDOW] * 3
    assert await small.whole() == b"short"


async def test_what_fits_into_the_window_of_the_response_and_not_into_that_of_the_inbox(
    scene: Scene, settings: Any
) -> None:
    settings.SWITCHBOARD |= {"INBOX_WINDOW_BYTES": PART_BYTES + 1000}
    scene.start(threads=1)
    clients = [await scene.request("/medium/") for _ in range(3)]
    assert [await client.whole() for client in clients] == [bytes(MEDIUM)] * 3


async def test_an_interface_that_reads_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.SWITCHBOARD |= {"INBOX_WINDOW_BYTES": 1000}
    monkeypatch.setattr(responses, "STALLED_SECONDS", 0.05)
    views.chunks = lambda: iter(lambda: b"x" * 100_000, b"")
    scene.start()
    client = await scene.request("/stream/")
    await await_until(views.closed.is_set, "the view's generator is closed")
    assert await client.last() == ABORT


async def test_an_interface_that_reports_nothing(scene: Scene, settings: Any) -> None:
    settings.SWITCHBOARD |= {"HTTP_MIN_RATE": 100 * WINDOW, "HTTP_STALL_TIMEOUT": 0.1}
    scene.start()
    client = await scene.request("/content/")
    assert await client.last() == ABORT


async def test_a_worker_that_ends_finishes_its_responses(scene: Scene, settings: Any) -> None:
    settings.SWITCHBOARD |= {"HTTP_DRAIN_TIMEOUT": 60.0}
    scene.start()
    client = await scene.request("/content/")
    await client.until(WINDOW)
    scene.stop.set()
    assert len(await client.read_everything()) == 3 * WINDOW
    assert scene.work is not None
    await asyncio.wait_for(scene.work, 20)


async def test_a_worker_that_ends_cuts_off_what_is_not_read(scene: Scene) -> None:
    views.chunks = lambda: iter(lambda: b"x" * 1000, b"")
    go_slowly(views)
    scene.start()
    clients = [await scene.request("/content/"), await scene.request("/stream/")]
    await clients[0].until(WINDOW)
    await clients[1].until(1000)
    scene.stop.set()
    assert scene.work is not None
    await scene.work
    for client in clients:
        assert await client.last() == ABORT
    await await_until(views.closed.is_set, "the view's generator is closed")
