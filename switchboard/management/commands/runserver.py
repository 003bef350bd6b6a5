"""``manage.py runserver``: the whole of Switchboard in one process, for development.

The interface runs in the command's thread, the worker in one of its own with its own event loop; between them lies the
memory layer, whatever ``CHANNEL_LAYERS`` says, so no Redis is needed. Consumers and views have no time limit here: they
may stand at a breakpoint. When a file changes Django's autoreloader starts the process anew, and with it the sockets:
that they outlive a change is what the separate processes are for.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from datetime import datetime
from typing import Any, Final

# Before anything else of Twisted's: it installs the reactor.
from switchboard.interface.server import HANDSHAKE_TIMEOUT, UNLIMITED, Server  # isort:skip

from channels.layers import channel_layers
from daphne.access import AccessLogGenerator
from daphne.endpoints import build_endpoint_description_strings
from django.conf import settings
from django.core.management.base import CommandParser
from django.core.management.commands.runserver import Command as DjangoCommand
from django.db import connections
from django.utils import autoreload

from switchboard.conf import get_settings
from switchboard.interface import Interface
from switchboard.layers.base import Layer
from switchboard.layers.memory import MemoryLayer
from switchboard.routing import Router
from switchboard.worker.loop import DEFAULT_THREADS, Worker

logger = logging.getLogger("switchboard.runserver")

#: Seconds that consumers get to finish what they do when the server ends.
WORKER_GRACE: Final = 5.0


class WorkerThread:
    """A worker with an event loop of its own. A worker that fails ends the process: nobody would answer any more."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Let it finish what it does, for at most `WORKER_GRACE` seconds."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(WORKER_GRACE)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._worker.run(self._stop))
        except Exception:
            logger.critical("the worker failed", exc_info=True)
            logging.shutdown()
            os._exit(1)


class Command(DjangoCommand):
    """Django's ``runserver``, its address and its options, but for sockets too."""

    help = "Runs interface and worker in one process, for development."

    # Django's `handle` sets them; the stubs don't know.
    addr: str
    port: str
    _raw_ipv6: bool

    _worker: WorkerThread | None = None

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--threads",
            type=int,
            default=DEFAULT_THREADS,
            metavar="N",
            help="how many messages, and how many requests, run at once (default: %(default)s)",
        )

    def run(self, **options: Any) -> None:
        # Under the autoreloader `inner_run` has a thread that simply ends with the process, while this, in the main
        # thread, is left by a reload and by both signals. A worker that still ran then would find its threads gone.
        try:
            super().run(**options)
        finally:
            if self._worker is not None:
                self._worker.stop()

    def inner_run(self, *args: Any, **options: Any) -> None:
        autoreload.raise_last_exception()
        if not options["skip_checks"]:
            self.stdout.write("Performing system checks...\n\n")
            self.check(display_num_errors=True)
        self.check_migrations()
        connections.close_all()
        layer = _layer_of_this_process()
        router = Router(settings.CHANNEL_ROUTING)
        self._worker = WorkerThread(Worker(layer, router, threads=options["threads"], time_limits=False))
        server = self._server(Interface(layer, logging=False), options)
        self._worker.start()
        server.run()
        if server.abort_start:
            self.stderr.write(f"Error: cannot listen on {self.addr}:{self.port}.")
        if server.abort_start or server.failed:
            logging.shutdown()
            # sys.exit would end this thread alone, not the autoreloader's.
            os._exit(1)

    def _server(self, interface: Interface, options: dict[str, Any]) -> Server:
        logging.getLogger("daphne").setLevel(logging.WARNING)
        return Server(
            application=interface,
            endpoints=build_endpoint_description_strings(host=self.addr, port=int(self.port)),
            # Under the autoreloader this is no main thread, where alone signals can be handled; there, the process
            # simply ends.
            signal_handlers=not options["use_reloader"],
            action_logger=AccessLogGenerator(sys.stdout),
            websocket_timeout=UNLIMITED,
            websocket_connect_timeout=HANDSHAKE_TIMEOUT,
            websocket_handshake_timeout=HANDSHAKE_TIMEOUT,
            ready_callable=self._announce,
        )

    def _announce(self) -> None:
        address = f"[{self.addr}]" if self._raw_ipv6 else self.addr
        self.stdout.write(
            f"{datetime.now():%B %d, %Y - %X}\n"
            f"Django version {self.get_version()}, using settings {settings.SETTINGS_MODULE!r}\n"
            f"Interface and worker run in this process, at http://{address}:{self.port}/\n"
            "Quit the server with CONTROL-C."
        )


def _layer_of_this_process() -> Layer:
    layer = MemoryLayer()
    channel_layers.set(get_settings().LAYER, layer)
    return layer
