"""``manage.py runworker``: a worker process."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from switchboard.conf import get_settings
from switchboard.descriptors import raise_file_limit
from switchboard.exceptions import UnfitServer
from switchboard.layers.base import Layer
from switchboard.layers.named import get_layer
from switchboard.routing import Router
from switchboard.worker.loop import DEFAULT_THREADS, Worker
from switchboard.worker.runner import Overdue
from switchboard.worker.shutdown import stop_on_signals

logger = logging.getLogger("switchboard.worker")


class Command(BaseCommand):
    """Consume the channels of the routing, until SIGTERM or SIGINT; then finish what was begun, and exit 0."""

    help = "Runs a worker: consumes the named channels of CHANNEL_ROUTING."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--layer", metavar="ALIAS", help="alias in CHANNEL_LAYERS")
        parser.add_argument(
            "--only-channels",
            action="append",
            default=[],
            metavar="GLOB",
            help="consume only channels that match; may be given several times",
        )
        parser.add_argument(
            "--exclude-channels",
            action="append",
            default=[],
            metavar="GLOB",
            help="do not consume channels that match; may be given several times; wins over --only-channels",
        )
        parser.add_argument(
            "--threads",
            type=int,
            default=DEFAULT_THREADS,
            metavar="N",
            help="how many messages, and how many requests, run at once (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        raise_file_limit()
        try:
            worker = self._worker(options)
        except ImproperlyConfigured as error:
            raise CommandError(str(error), returncode=2) from error
        if options["verbosity"] >= 2:
            logging.getLogger("switchboard").setLevel(logging.DEBUG)
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(self._run(worker))
        except UnfitServer as error:
            raise CommandError(str(error), returncode=2) from error
        except Exception as error:
            # An overdue consumer was reported when it was noticed. Of anything else the traceback names the task.
            logger.critical("the worker ends; what it held goes to others", exc_info=not isinstance(error, Overdue))
            logging.shutdown()
            # Its threads may wait for the loop that just ended, and an ordinary exit would wait for them.
            os._exit(1)

    def _worker(self, options: dict[str, Any]) -> Worker:
        if options["threads"] < 1:
            raise ImproperlyConfigured("--threads wants a number of at least 1.")
        layer = _shared_layer(options["layer"] or get_settings().LAYER)
        router = Router(settings.CHANNEL_ROUTING)
        channels = _chosen(router.channel_names(), options["only_channels"], options["exclude_channels"])
        return Worker(layer, router, channels=channels, threads=options["threads"])

    async def _run(self, worker: Worker) -> None:
        stop = asyncio.Event()
        with stop_on_signals(stop):
            await worker.verify()
            # Django and the application stay: walking through them took 30 ms, every two seconds under load.
            gc.collect()
            gc.freeze()
            logger.info("%s: listening on channels %s", worker.name, ", ".join(worker.channels))
            await worker.run(stop)
        logger.info("%s has finished", worker.name)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's where it is installed: a fifth more messages a second, measured. (For interfaces, under Twisted's
    reactor, it is a third fewer.)"""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _shared_layer(alias: str) -> Layer:
    layer = get_layer(alias)
    if not layer.crosses_processes:
        raise ImproperlyConfigured(
            f"CHANNEL_LAYERS[{alias!r}] lives inside one process, where no interface can reach this worker; "
            "set REDIS_URL, or use runserver, which has both in one."
        )
    return layer


def _chosen(names: set[str], only: list[str], exclude: list[str]) -> set[str]:
    chosen = {
        name
        for name in names
        if (not only or any(fnmatchcase(name, glob) for glob in only))
        and not any(fnmatchcase(name, glob) for glob in exclude)
    }
    if not chosen:
        raise ImproperlyConfigured(f"none of the channels {', '.join(sorted(names))} is left to consume.")
    return chosen
