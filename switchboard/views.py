"""`django_view`: the consumer of ``http.request`` that runs Django's views.

The view runs under Django's WSGI handler in a thread of the worker, not under its ASGI handler on the loop: sync
views, which most are, then need no hop of their own and requests run in parallel (the design measured 14,000
against 500 requests/s). Chunks of a streaming response leave as the view makes them.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from typing import IO, Any, cast

from django.apps import apps
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.wsgi import WSGIHandler
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from switchboard.cookies import is_within_bounds
from switchboard.message import Message
from switchboard.responses import ClientGone, ResponseWriter
from switchboard.time_limits import lift_time_limit

logger = logging.getLogger("switchboard.http")

#: Files are read in blocks of this many bytes: one part each. Django's own 4 KiB would make 64 of them.
FILE_BLOCK = 256 * 1024


def django_view(message: Message) -> None:
    """Answer the request in ``message`` by Django's URL configuration."""
    assert message.reply_channel is not None
    head: dict[str, Any] = {}

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
        head["status"] = int(status.split(" ", 1)[0])
        head["headers"] = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]

    response = _handler()(environ_of(message), start_response)  # type: ignore[arg-type]
    lift_time_limit()
    writer = ResponseWriter(message.channel_layer, message.reply_channel, head["status"], head["headers"])
    try:
        if message["method"] == "HEAD":
            writer.write(b"", more=False)
        elif isinstance(response, HttpResponse):
            writer.write(response.content, more=False)
        else:
            _stream(cast("StreamingHttpResponse | FileBlocks", response), writer)
    except ClientGone:
        logger.info("the client of %s %s is gone", message["method"], message["path"])
    finally:
        if hasattr(response, "close"):
            response.close()


def _stream(response: StreamingHttpResponse | FileBlocks, writer: ResponseWriter) -> None:
    for chunk in response:
        if chunk:
            writer.write(bytes(chunk), more=True)
    writer.write(b"", more=False)


class FileBlocks:
    """WSGI's file wrapper: what Django hands a `FileResponse` to."""

    def __init__(self, file: IO[bytes], block_size: int = 0) -> None:
        self._file = file
        # Django closes the response through the file wrapper, as WSGI has it.
        self.close = getattr(file, "close", lambda: None)

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self._file.read(FILE_BLOCK), b"")


def environ_of(message: Message) -> dict[str, Any]:
    """The WSGI environment (PEP 3333) of a request in the message format of Channels 1.x."""
    server = message.get("server") or ("localhost", 80)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": message["method"],
        "SCRIPT_NAME": _wsgi_text(message.get("root_path") or ""),
        "PATH_INFO": _wsgi_text(message["path"]),
        "QUERY_STRING": (message.get("query_string") or b"").decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{message.get('http_version') or '1.1'}",
        "SERVER_NAME": str(server[0]),
        "SERVER_PORT": str(server[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": message.get("scheme") or "http",
        "wsgi.input": BytesIO(message.get("body") or b""),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileBlocks,
    }
    if message.get("client"):
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = message["client"][0], str(message["client"][1])
    _add_headers(environ, message.get("headers", ()))
    if not is_within_bounds(environ.get("HTTP_COOKIE", "").encode("latin-1"), message.id):
        del environ["HTTP_COOKIE"]
    # A chunked body has no length of its own, and without one Django would read nothing.
    environ["CONTENT_LENGTH"] = str(len(message.get("body") or b""))
    return environ


def _add_headers(environ: dict[str, Any], headers: list[tuple[bytes, bytes]]) -> None:
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").upper().replace("-", "_"), raw_value.decode("latin-1")
        if name not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            name = f"HTTP_{name}"
        separator = "; " if name == "HTTP_COOKIE" else ","
        environ[name] = f"{environ[name]}{separator}{value}" if name in environ else value


def _wsgi_text(path: str) -> str:
    """PEP 3333 has bytes in the guise of latin-1 text."""
    return path.encode("utf-8", "surrogateescape").decode("latin-1")


@cache
def _handler() -> WSGIHandler:
    handler = WSGIHandler()
    if settings.DEBUG and apps.is_installed("django.contrib.staticfiles"):
        return _with_static_files(handler)
    return handler


def _with_static_files(application: WSGIHandler) -> WSGIHandler:
    """Serve static files from their sources, as Django's own development server does.

    Django's command does it, not its URL configuration, so without this a project gets 404 for each of them.
    """
    from django.contrib.staticfiles.handlers import StaticFilesHandler

    class StaticFilesFirst(StaticFilesHandler):
        def get_response(self, request: HttpRequest) -> HttpResponseBase:
            try:
                return self.serve(request)
            except (Http404, SuspiciousOperation):
                # The application may know it: WhiteNoise has the collected files, whose names carry a hash.
                return application.get_response(request)

    return StaticFilesFirst(application)
