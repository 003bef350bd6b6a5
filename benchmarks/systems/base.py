"""A system that can be started, and what runs then."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from switchboard.testing.ports import free_port
from switchboard.testing.processes import ROOT, PrivateRedis, RunningProcess

__all__ = ["Running", "Server", "System", "Unavailable"]


class Unavailable(Exception):
    """This system cannot run here; the message is one sentence."""


@dataclass
class Running:
    """The processes of one system. ``holders`` hold the sockets."""

    dialect: str
    holders: Sequence[RunningProcess]
    urls: Sequence[str]
    workers: Sequence[RunningProcess] = ()
    redis: PrivateRedis | None = None

    def pids(self) -> dict[str, list[int]]:
        """By what the processes are for; one that was started again has another pid."""
        found = {
            "holders": [process.pid for process in self.holders],
            "workers": [process.pid for process in self.workers],
            "redis": [self.redis.pid] if self.redis is not None else [],
        }
        return {role: pids for role, pids in found.items() if pids}


class System(ABC):
    """Something that speaks one of `benchmarks.load.dialects`."""

    #: As it is called on the command line, and in tables.
    name: str
    title: str

    @abstractmethod
    def running(self, folder: Path) -> AbstractContextManager[Running]:
        """It runs, with its data in ``folder``, for as long as the block lasts. Raises Unavailable."""

    @abstractmethod
    def processes(self) -> str:
        """How many of which, for a table."""

    def versions(self) -> dict[str, str]:
        """What it is made of."""
        return {}


class Server(RunningProcess):
    """A process with a port of its own on loopback. ``{port}`` in the command and the environment is that port."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], *, name: str = "server", cwd: Path = ROOT
    ) -> None:
        self.port = free_port()
        named = {key: value.replace("{port}", str(self.port)) for key, value in environment.items()}
        super().__init__(
            [word.replace("{port}", str(self.port)) for word in command],
            name=name,
            environment={**os.environ, "PYTHONUNBUFFERED": "1", **named},
            cwd=cwd,
        )

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def ready(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1.0):
            return True
        return False


def module(*words: str) -> list[str]:
    """The command that runs a module with this interpreter."""
    return [sys.executable, "-m", *words]
