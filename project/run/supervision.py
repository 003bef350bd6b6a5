"""supervisord as a child, and the conversation with it.

It runs in a session of its own: Ctrl-C and a closed terminal reach the run command alone, which then ends supervisord
in an orderly way (to supervisord itself a SIGHUP would mean "restart everything"). Should the run command be killed
outright, the kernel sends supervisord its SIGTERM. Its output and that of its processes goes to files: a write to a
dead terminal would stop them from stopping.
"""

from __future__ import annotations

import contextlib
import ctypes
import signal
import subprocess
import sys
import xmlrpc.client
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from supervisor.xmlrpc import SupervisorTransport

__all__ = ["Program", "Supervisor"]

#: Seconds. The longest `stopwaitsecs` of each pool in supervisord.conf, which stops one pool after the other, and some.
STOP_PATIENCE = 90.0

#: Linux' PR_SET_PDEATHSIG, see prctl(2).
_SET_PARENT_DEATH_SIGNAL = 1


@dataclass(frozen=True, slots=True)
class Program:
    """One process of supervisord's, as it was a moment ago."""

    name: str  # as supervisorctl has it: worker:worker_00
    state: str
    log: Path

    @property
    def failed(self) -> bool:
        """It ended and supervisord tries again, or has given up."""
        return self.state in {"BACKOFF", "FATAL", "EXITED", "UNKNOWN"}


class Supervisor:
    """supervisord, from entering the context until leaving it."""

    def __init__(self, conf: Path, socket: Path, environment: Mapping[str, str]) -> None:
        self._command = [sys.executable, "-m", "supervisor.supervisord", "-n", "-s", "-c", str(conf)]
        self._conf = conf
        self._socket = socket
        self._environment = dict(environment)
        self._rpc: Any = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            cwd=self._conf.parent,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.communicate(timeout=STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def complaint(self) -> str:
        """What a supervisord that has ended wrote to its standard error; its last line says why."""
        assert self._process.stderr is not None
        lines = self._process.stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"it ended with status {self._process.returncode}"

    def answers(self) -> bool:
        """Whether it takes commands yet."""
        if not self._socket.exists():
            return False
        transport = SupervisorTransport(serverurl=f"unix://{self._socket}")
        self._rpc = xmlrpc.client.ServerProxy("http://localhost", transport=transport).supervisor
        with contextlib.suppress(OSError, xmlrpc.client.Error):
            return bool(self._rpc.getState()["statename"] == "RUNNING")
        return False

    def start(self, names: Iterable[str]) -> None:
        """Start these processes; do not wait for them."""
        for name in names:
            self._rpc.startProcess(name, False)

    def programs(self, names: Iterable[str]) -> list[Program]:
        """How these processes fare."""
        infos = (self._rpc.getProcessInfo(name) for name in names)
        return [Program(f"{info['group']}:{info['name']}", info["statename"], Path(info["logfile"])) for info in infos]


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
