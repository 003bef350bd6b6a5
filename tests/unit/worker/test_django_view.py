"""Django's views behind ``http.request``: the environment they see, and how their responses leave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from switchboard.layers.memory import MemoryLayer
from switchboard.routing import Router
from switchboard.testing.client import HttpClient


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


def long(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"0123456789" * 100_000)


def file(request: HttpRequest) -> FileResponse:
    return FileResponse(Path(request.GET["name"]).open("rb"))


def broken(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


def nothing_here(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The project's own page for it has links that these urls do not know."""
    return HttpResponse(status=404)


handler404 = nothing_here
urlpatterns = [
    path("stream/", stream),
    path("long/", long),
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


def test_chunks_come_in_order(client: HttpClient) -> None:
    assert client.request("GET", "/stream/")["content"] == b"012"


def test_a_file_comes_in_large_blocks(client: HttpClient, tmp_path: Path) -> None:
    content = b"0123456789" * 30_000
    (tmp_path / "f").write_bytes(content)
    assert client.request("GET", f"/file/?name={tmp_path / 'f'}")["content"] == content


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_view_that_raises_is_a_500(client: HttpClient) -> None:
    client_response = client.request("GET", "/broken/")
    assert client_response["status"] == 500


def test_a_long_content_reaches_the_client_whole(client: HttpClient, settings: Any) -> None:
    settings.SWITCHBOARD = {"HTTP_WINDOW_BYTES": 10_000}
    assert client.request("GET", "/long/")["content"] == b"0123456789" * 100_000


def test_no_such_page(client: HttpClient) -> None:
    assert client.request("GET", "/nowhere/")["status"] == 404
