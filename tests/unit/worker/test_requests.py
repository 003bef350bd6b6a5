"""HTTP requests in a worker: views that hang, clients that leave."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from switchboard.events import Claimed, Envelope, Reply
from switchboard.names import HTTP_REQUEST
from switchboard.routing import Router
from switchboard.testing.waiting import await_until
from switchboard.worker.loop import Worker
from switchboard.worker.runner import Overdue
from tests.unit.worker.conftest import INTERFACE, Scene

gate = threading.Event()
ran: list[str] = []


def hang(request: HttpRequest) -> HttpResponse:
    ran.append(request.path)
    wait_at_the_gate()
    return HttpResponse("too late")


def wait_at_the_gate() -> None:
    gate.wait(timeout=20)


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def chunks() -> Iterator[str]:
        yield "begun"
        wait_at_the_gate()
        yield "done"

    return StreamingHttpResponse(chunks())


def quick(request: HttpRequest, n: int) -> HttpResponse:
    ran.append(request.path)
    return HttpResponse("hello")


urlpatterns = [path("hang/", hang, name="a-view-that-hangs"), path("stream/", stream), path("quick/<int:n>/", quick)]
pytestmark = pytest.mark.urls(__name__)


@pytest.fixture(autouse=True)
def _gate() -> Iterator[None]:
    gate.clear()
    ran.clear()
    yield
    gate.set()


async def ask(scene: Scene, path: str, client: str) -> str:
    channel = f"{INTERFACE}!{client}"
    content = {"reply_channel": channel, "method": "GET", "path": path, "headers": []}
    assert await scene.layer.request(Envelope(HTTP_REQUEST, f"{channel}/0", content, channel), timeout=60)
    return channel


async def replies(scene: Scene, channel: str) -> list[dict[str, Any]]:
    return [dict(e.content) for e in await scene.events() if isinstance(e, Reply) and e.channel == channel]


async def test_a_view_that_hangs_ends_its_worker_and_its_client_learns_of_it(
    scene: Scene, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SWITCHBOARD = {"VIEW_TIME_LIMIT": 1.0}
    hung, other = await ask(scene, "/hang/", "a"), await ask(scene, "/quick/1/", "b")
    with pytest.raises(Overdue):
        await Worker(scene.layer, Router([]), threads=2).run(asyncio.Event())
    assert [reply["status"] for reply in await replies(scene, hung)] == [504]
    assert [reply["status"] for reply in await replies(scene, other)] == [200]
    [line] = [record for record in caplog.records if record.levelname == "CRITICAL"]
    assert "GET /hang/ (a-view-that-hangs) did not return within 1 s" in line.getMessage()
    assert "in wait_at_the_gate" in caplog.text, "where it hangs"
    gate.set()

    async def returned() -> bool:
        return len(await replies(scene, hung)) == 2

    await await_until(returned, "the view to return, for which its interface does not wait any more")


async def test_a_response_that_is_sent_for_long_is_no_view_that_hangs(scene: Scene, settings: Any) -> None:
    settings.SWITCHBOARD = {"VIEW_TIME_LIMIT": 1.0}
    streamed = await ask(scene, "/stream/", "a")
    async with scene.worker() as stop:
        await await_until(lambda: replies(scene, streamed), "its beginning")
        beats = dict(await scene.layer.worker_beats())

        async def longer_than_the_limit() -> bool:
            return max((await scene.layer.worker_beats()).values(), default=0) >= max(beats.values(), default=0) + 2

        await await_until(longer_than_the_limit, "two beats, which are two seconds")
        assert not stop.is_set()
        gate.set()

        async def ended() -> bool:
            return not (await replies(scene, streamed))[-1]["more_content"]

        await await_until(ended, "its end")


async def test_a_request_whose_client_is_gone_does_not_begin(scene: Scene) -> None:
    first, gone, last = [await ask(scene, f"/quick/{n}/", str(n)) for n in range(3)]
    await scene.layer.report_written(gone, -1)
    async with scene.worker(threads=1):
        await await_until(lambda: replies(scene, last), "the last")
    assert ran == ["/quick/0/", "/quick/2/"]
    assert await replies(scene, first) and not await replies(scene, gone)


async def test_a_request_that_waits_for_a_thread_is_not_claimed_yet(scene: Scene, settings: Any) -> None:
    """Taken over from a dead worker, they are more than there are threads."""
    settings.SWITCHBOARD = {"WORKER_LEASE": 0.4}
    waiting = [await ask(scene, path, str(n)) for n, path in enumerate(["/hang/", "/quick/1/", "/quick/2/"])]
    await scene.layer.take("worker.dead", [HTTP_REQUEST], count=3, wait=0)
    async with scene.worker(threads=1):
        await await_until(lambda: ran, "the first to begin")

        async def renewed() -> bool:
            return {p.owner for p in await scene.layer.pending([HTTP_REQUEST], idle=0)}.isdisjoint({"worker.dead"})

        await await_until(renewed, "all to be taken over")
        [running] = [event.channel for event in await scene.events() if isinstance(event, Claimed)]
        assert running == waiting[0]
        await scene.layer.report_written(waiting[1], -1)
        gate.set()
        await await_until(lambda: replies(scene, waiting[2]), "the last")
    assert ran == ["/hang/", "/quick/2/"]


async def test_without_time_limits_a_view_may_stand_at_a_breakpoint(scene: Scene, settings: Any) -> None:
    settings.SWITCHBOARD = {"VIEW_TIME_LIMIT": 0.01}
    channel = await ask(scene, "/hang/", "a")
    async with scene.worker(time_limits=False) as stop:
        await await_until(lambda: ran, "the view to begin")
        beats = dict(await scene.layer.worker_beats())

        async def a_while() -> bool:
            return await scene.layer.worker_beats() != beats

        await await_until(a_while, "a beat, far longer than the limit")
        assert not stop.is_set()
        gate.set()
        await await_until(lambda: replies(scene, channel), "the answer")
    assert [reply["status"] for reply in await replies(scene, channel)] == [200]
