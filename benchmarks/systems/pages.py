"""The project's own pages without Switchboard underneath: the same Django, the same views, the same database.

gunicorn by its documentation's rule, twice the cores and one more
(https://docs.gunicorn.org/en/stable/design.html#how-many-workers), with the `gthread` workers, which keep
connections, as browsers do, and `--preload`. uvicorn with one process a core and `ASGIHandler`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from importlib.metadata import version
from pathlib import Path

from benchmarks.systems.base import Running, Server, System, module
from benchmarks.systems.ours import prepared, settings_for

CORES = os.cpu_count() or 1


class _PageServer(Server):
    """Ready when it answers: its main process listens long before the others have loaded Django."""

    def ready(self) -> bool:
        with contextlib.suppress(OSError, HTTPException):
            connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
            with contextlib.closing(connection):
                connection.request("GET", "/")
                return connection.getresponse().status == HTTPStatus.OK
        return False


class _Pages(System):
    package: str
    words: Sequence[str]

    def versions(self) -> dict[str, str]:
        return {name: version(name) for name in (self.package, "Django")}

    @contextmanager
    def running(self, folder: Path) -> Iterator[Running]:
        settings = settings_for(folder)
        prepared(settings, rooms=1, history=50)
        with _PageServer(module(*self.words), {"REDIS_URL": "", **settings}) as server:
            yield Running("", [server], [server.url.replace("ws://", "http://")])


class Gunicorn(_Pages):
    name = "gunicorn"
    title = "gunicorn, gthread"
    package = "gunicorn"
    words = (
        *("gunicorn", "--bind", "127.0.0.1:{port}", "--worker-class", "gthread", "--threads", "2"),
        *("--workers", str(2 * CORES + 1), "--preload", "project.wsgi"),
    )

    def processes(self) -> str:
        return f"{2 * CORES + 1} workers, 2 threads each"


class Uvicorn(_Pages):
    name = "uvicorn"
    title = "uvicorn, ASGIHandler"
    package = "uvicorn"
    words = (
        *("uvicorn", "--host", "127.0.0.1", "--port", "{port}", "--workers", str(CORES), "--no-access-log"),
        "benchmarks.peers.pages_asgi:application",
    )

    def processes(self) -> str:
        return f"{CORES} processes"
