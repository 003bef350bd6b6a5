"""`make run` in a checkout, and what an operator sees of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.terminal import Terminal

#: The checkout's `.venv` is the one of these tests, which has everything installed: make is told not to look.
MAKE = ["make", "run", "-o", ".venv/.run-installed"]

#: Seconds until a page comes, on a machine that is busy with something else.
START = 90.0


@contextmanager
def running(checkout: Path, environment: dict[str, str], command: list[str] = MAKE) -> Iterator[Terminal]:
    with Terminal(command, cwd=checkout, environment=environment) as terminal:
        terminal.wait_for(f"Open http://127.0.0.1:{environment['PORT']}/", timeout=START)
        terminal.family()
        yield terminal


def supervisorctl(checkout: Path, *words: str) -> list[list[str]]:
    """What an operator sees, who is in the checkout and has set nothing."""
    command = [sys.executable, "-m", "supervisor.supervisorctl", "-c", "supervisord.conf", *words]
    clean = {"PATH": os.environ["PATH"]}
    found = subprocess.run(command, cwd=checkout, env=clean, capture_output=True, text=True, timeout=60, check=False)
    return [line.split() for line in found.stdout.splitlines()]


def processes(checkout: Path) -> dict[str, int]:
    """The pids of what runs, by supervisord's names."""
    lines = supervisorctl(checkout, "status")
    return {line[0]: int(line[3].rstrip(",")) for line in lines if line[1] == "RUNNING"}
