"""`django_view`: the consumer of ``http.request`` that runs Django's views.

The view runs under Django's WSGI handler in a thread of the worker, not under its ASGI handler on the loop: sync
views, which most are, then need no hop of their own and requests run in parallel (the design measured 14,000
against 500 requests/s).

What fits into the window of a response is sent by the view's thread. A longer content, or file, is left to the
`ResponseSender`. A streaming response is produced by the thread that made it, because what it reads from may belong to
that; but the thread detaches first, and other views run meanwhile.
"""

from __future__ import annotations

import logging
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from functools import cache
from io import BytesIO
from typing import IO, Any, cast

from django.apps import apps
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.wsgi import WSGIHandler
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from switchboard.bridging import call, loop_of_call
from switchboard.conf import get_settings
from switchboard.cookies import is_within_bounds
from switchboard.detaching import detach
from switchboard.events import Content, Reply
from switchboard.exceptions import InboxFull
from switchboard.layers.base import Layer
from switchboard.message import Message
from switchboard.responses import (
    PART_BYTES,
    SERVER_ERROR,
    UNAVAILABLE,
    ClientGone,
    FileSource,
    OutgoingResponse,
    ResponseSender,
    parts,
    sender_on,
)
from switchboard.time_limits import lift_time_limit

logger = logging.getLogger("switchboard.http")


def django_view(message: Message) -> None:
    """Answer the request in ``message`` by Django's URL configuration."""
    assert message.reply_channel is not None
    head: dict[str, Any] = {}

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
        head["status"] = int(status.split(" ", 1)[0])
        head["headers"] = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]

    response = _handler()(environ_of(message), start_response)  # type: ignore[arg-type]
    lift_time_limit()
    if message["method"] == "HEAD":
        with _closing(response):
            _send_now(message, head, b"")
    elif isinstance(response, HttpResponse):
        with _closing(response):
            _send_content(message, head, response.content)
    elif isinstance(response, FileBlocks) and response.is_on_disk():
        _send_file(message, head, response.file)
    else:
        with _closing(response):
            _send_stream(message, head, cast("StreamingHttpResponse | FileBlocks", response))


def _closing(response: Any) -> AbstractContextManager[Any]:
    return closing(response) if hasattr(response, "close") else nullcontext()


def _sender(message: Message) -> ResponseSender | None:
    # Without a loop that runs on, as in a shell, there is nobody who could send the rest later.
    loop = loop_of_call()
    return None if loop is None else sender_on(message.channel_layer, loop)


def _send_now(message: Message, head: Content, content: bytes) -> None:
    channel, left, sender = str(message.reply_channel), len(content), _sender(message)
    window = None if sender is None else sender.settings.INBOX_WINDOW_BYTES
    for part in parts(content):
        try:
            _publish(
                message.channel_layer,
                Reply(channel, {**head, "content": part, "more_content": len(part) < left}),
                window,
            )
        except InboxFull:
            # The interface will read it, but not while a thread of views waits.
            assert sender is not None
            sender.send_content(channel, head, content[len(content) - left :])
            return
        head, left = {}, left - len(part)


def _publish(layer: Layer, part: Reply, window: int | None) -> None:
    call(layer, lambda layer: layer.publish([part], window=window))


def _send_content(message: Message, head: Content, content: bytes) -> None:
    sender = _sender(message)
    if sender is None or len(content) <= sender.settings.HTTP_WINDOW_BYTES:
        _send_now(message, head, content)
    else:
        sender.send_content(str(message.reply_channel), head, content)


def _send_file(message: Message, head: Content, file: IO[bytes]) -> None:
    sender = _sender(message)
    window = sys.maxsize if sender is None else sender.settings.HTTP_WINDOW_BYTES
    try:
        blocks, size = [], 0
        while size <= window and (block := file.read(PART_BYTES)):
            blocks.append(block)
            size += len(block)
        begun = b"".join(blocks)
        if sender is None or size <= window:
            _send_now(message, head, begun)
            file.close()
        else:
            sender.send_file(str(message.reply_channel), head, FileSource(file, begun))
    except BaseException:
        file.close()
        raise


def _send_stream(message: Message, head: Content, chunks: Iterable[Any]) -> None:
    sender = _sender(message)
    if sender is None:
        _send_now(message, head, b"".join(bytes(chunk) for chunk in chunks))
        return
    outgoing = sender.stream(str(message.reply_channel), head)
    if detach(get_settings().HTTP_TIMEOUT):
        _produce(outgoing, chunks, message)
    else:
        outgoing.give_up("too many responses are being produced", UNAVAILABLE)


def _produce(outgoing: OutgoingResponse, chunks: Iterable[Any], message: Message) -> None:
    try:
        for chunk in chunks:
            outgoing.write(bytes(chunk))
        outgoing.end()
    except ClientGone:
        logger.info("the client of %s %s is gone", message["method"], message["path"])
    except Exception:
        # Beyond the view nobody else would say so: the worker takes it for finished.
        logger.exception("the response to %s %s raised", message["method"], message["path"])
        outgoing.give_up("it raised", SERVER_ERROR)
    except BaseException:
        outgoing.give_up("its thread ends", SERVER_ERROR)
        raise


class FileBlocks:
    """WSGI's file wrapper: what Django hands a `FileResponse` to."""

    def __init__(self, file: IO[bytes], block_size: int = 0) -> None:
        self.file = file
        # Django closes the response through the file wrapper, as WSGI has it.
        self.close = getattr(file, "close", lambda: None)

    def is_on_disk(self) -> bool:
        """Whether any thread may read it, and soon: not a pipe, nor something that only reads like a file."""
        try:
            return stat.S_ISREG(os.fstat(self.file.fileno()).st_mode)
        except (AttributeError, OSError, ValueError):
            return False

    def __iter__(self) -> Iterator[bytes]:
        # Django's own block size of 4 KiB would make 64 parts of one.
        return iter(lambda: self.file.read(PART_BYTES), b"")


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
