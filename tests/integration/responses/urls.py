"""Pages short and long."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

from django.db import connection
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

#: Lines of the transcript, about 8.7 MB.
LINES = 150_000
#: Bytes of the pages that are one piece.
BIG, MEDIUM = 8 * 1024 * 1024, 500_000


def line(number: int) -> bytes:
    return f"{number:8} {hashlib.sha256(b'%d' % number).hexdigest()[:48]}\n".encode()


def transcript_hash() -> str:
    """The SHA-256 of the whole transcript."""
    return hashlib.sha256(b"".join(map(line, range(1, LINES + 1)))).hexdigest()


def short(request: HttpRequest) -> HttpResponse:
    return HttpResponse("short")


def transcript(request: HttpRequest) -> StreamingHttpResponse:
    """A response from a cursor that the view has opened: it and its connection are this thread's."""
    cursor = connection.cursor()
    cursor.execute(
        "WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < %s) "
        "SELECT n FROM counted",
        [LINES],
    )
    thread = threading.get_ident()

    def chunks() -> Iterator[bytes]:
        while rows := cursor.fetchmany(300):
            assert threading.get_ident() == thread
            yield b"".join(line(number) for (number,) in rows)
        cursor.close()

    return StreamingHttpResponse(chunks(), content_type="text/plain")


def medium(request: HttpRequest) -> HttpResponse:
    """A response that fits into the window."""
    return HttpResponse(b"m" * MEDIUM)


def content(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"c" * BIG)


def file(request: HttpRequest) -> FileResponse:
    return FileResponse(Path(request.GET["name"]).open("rb"))


def breaks(request: HttpRequest) -> StreamingHttpResponse:
    def chunks() -> Iterator[bytes]:
        yield b"begun"
        while not Path(request.GET["go"]).exists():
            threading.Event().wait(0.02)
        raise ZeroDivisionError

    return StreamingHttpResponse(chunks())


def endless(request: HttpRequest) -> StreamingHttpResponse:
    """Events: one at once, then one whenever a file has grown; if there is a file ``.deaf``, none ever."""
    ticks = Path(request.GET["ticks"])

    def events() -> Iterator[bytes]:
        known = 0
        try:
            yield b"data: hello\n\n"
            while ticks.with_suffix(".deaf").exists():
                threading.Event().wait(0.02)
            while True:
                size = ticks.stat().st_size if ticks.exists() else 0
                if size > known:
                    known = size
                    yield b"data: %d\n\n" % size
                else:
                    yield b""  # as a comment of server-sent events would: the only way to learn that nobody listens
                threading.Event().wait(0.02)
        finally:
            ticks.with_suffix(".closed").touch()

    return StreamingHttpResponse(events(), content_type="text/event-stream")


urlpatterns = [
    path("short/", short),
    path("transcript/", transcript),
    path("medium/", medium),
    path("content/", content),
    path("file/", file),
    path("breaks/", breaks),
    path("endless/", endless),
]
