"""The Procfile, as honcho runs it: settings from `.env`, as many workers as asked for, one end."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from switchboard.testing.processes import PrivateRedis
from switchboard.testing.waiting import wait_until
from tests.e2e.terminal import Terminal

pytestmark = [pytest.mark.redis, pytest.mark.timeout(300)]

HONCHO = [sys.executable, "-m", "honcho"]


def status_of(url: str) -> int:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as page:
        return int(page.status)
    return 0


def test_web_and_three_workers(checkout: Path, environment: dict[str, str], redis_server: PrivateRedis) -> None:
    port = environment.pop("PORT")
    (checkout / ".env").write_text(f"REDIS_URL={redis_server.url}?db=7\nPORT={port}\n")
    subprocess.run([*HONCHO, "run", "sh", "-c", release()], cwd=checkout, env=environment, check=True, timeout=120)
    command = [*HONCHO, "start", "web", "worker", "-c", "worker=3"]
    with Terminal(command, cwd=checkout, environment=environment) as terminal:
        wait_until(lambda: terminal.output.lower().count("listening on channel") == 3, "three workers", timeout=90)
        wait_until(lambda: terminal.output and status_of(f"http://127.0.0.1:{port}/") == 200, "a page", timeout=90)
        workers = {one.pid for one in terminal.family() if one.cmdline()[1:] == ["manage.py", "runworker"]}
        assert len(workers) == 3
        terminal.press("\x03")
        terminal.wait_until_gone(timeout=60)


def release() -> str:
    """The line of the release process."""
    lines = (Path(__file__).parents[2] / "Procfile").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("release:")]
    return line.partition(":")[2].strip()
