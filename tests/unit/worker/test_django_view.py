"""Django's views behind ``http.request``: the environment they see, and how their responses leave."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from switchboard.bridging import call
from switchboard.layers.memory import MemoryLayer
from switchboard.routing import Router
from switchboard.testing.client import HttpClient
from switchboard.testing.waiting import wait_until


@csrf_exempt
def echo(request: HttpRequest) -> HttpResponse:
    return JsonResponse(
        {
            "method": request.method,
            "path": request.path,
            "get": request.GET.dict(),
            "body": request.body.decode(),
            "cookies": request.COOKIES,
            "accept": request.headers.get("Accept"),
            "remote": request.META["REMOTE_ADDR"],
        }
    )


def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(str(number) for number in range(3))


def endless(request: HttpRequest) -> StreamingHttpResponse:
    def chunks() -> Iterator[bytes]:
        while True:
            made.append(1)
            yield b"x" * 1000

    return StreamingHttpResponse(chunks())


def file(request: HttpRequest) -> FileResponse:
    return FileResponse(Path(request.GET["name"]).open("rb"))


def broken(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


made: list[int] = []


def nothing_here(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The project's own page for it has links that these urls do not know."""
    return HttpResponse(status=404)


handler404 = nothing_here
urlpatterns = [
    path("stream/", stream),
    path("endless/", endless),
    path("file/", file),
    path("broken/", broken),
    path("äöü/", echo),
    path("echo/", echo),
]
pytestmark = pytest.mark.urls(__name__)


@pytest.fixture
def client() -> HttpClient:
    return HttpClient(layer=MemoryLayer(), router=Router([]))


def test_a_view_sees_the_request(client: HttpClient) -> None:
    headers = [(b"accept", b"a"), (b"accept", b"b"), (b"cookie", b"x=1"), (b"cookie", b"y=2")]
    response = client.request("POST", "/echo/?q=%C3%A4", body=b"hello", headers=headers)
    assert response["status"] == 200
    assert HttpResponse(response["content"]).content == (
        b'{"method": "POST", "path": "/echo/", "get": {"q": "\\u00e4"}, "body": "hello", '
        b'"cookies": {"x": "1", "y": "2"}, "accept": "a,b", "remote": "127.0.0.1"}'
    )


def test_a_path_beyond_ascii(client: HttpClient) -> None:
    assert client.request("GET", "/%C3%A4%C3%B6%C3%BC/")["status"] == 200


def test_a_head_has_no_body(client: HttpClient) -> None:
    response = client.request("HEAD", "/echo/")
    assert response["content"] == b""
    assert int(dict(map(tuple, response["headers"]))[b"Content-Length"]) > 0


def test_chunks_leave_one_by_one(client: HttpClient) -> None:
    parts: list[dict[str, Any]] = []

    def received() -> list[dict[str, Any]]:
        parts.extend(HttpClient.received(client))
        return parts

    client.received = received  # type: ignore[method-assign]
    assert client.request("GET", "/stream/")["content"] == b"012"
    assert [part["content"] for part in parts] == [b"0", b"1", b"2", b""]
    assert [part["more_content"] for part in parts] == [True, True, True, False]
    assert "status" in parts[0] and "status" not in parts[1]


def test_a_file_comes_in_large_blocks(client: HttpClient, tmp_path: Path) -> None:
    content = b"0123456789" * 30_000
    (tmp_path / "f").write_bytes(content)
    assert client.request("GET", f"/file/?name={tmp_path / 'f'}")["content"] == content


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_view_that_raises_is_a_500(client: HttpClient) -> None:
    client_response = client.request("GET", "/broken/")
    assert client_response["status"] == 500


def test_a_worker_waits_for_its_client_and_stops_when_that_is_gone(client: HttpClient, settings: Any) -> None:
    settings.SWITCHBOARD = {"HTTP_WINDOW_BYTES": 10_000}
    made.clear()

    def reports() -> None:
        wait_until(lambda: made, "the view to begin")  # a client that leaves before has its request dropped
        call(client.layer, lambda layer: layer.report_written(client.reply_channel, 5_000))
        call(client.layer, lambda layer: layer.report_written(client.reply_channel, -1))

    thread = threading.Thread(target=reports)
    thread.start()
    client.request("GET", "/endless/")
    thread.join()
    assert 10 <= len(made) <= 17, "a window of ten chunks, five more after the report, one that found the client gone"


def test_no_such_page(client: HttpClient) -> None:
    assert client.request("GET", "/nowhere/")["status"] == 404
