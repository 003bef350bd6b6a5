"""``manage.py runserver``: interface and worker in one process."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from switchboard.testing.ports import free_port, listening_socket
from switchboard.testing.processes import ROOT, RunningProcess, project_environment
from switchboard.testing.waiting import wait_until


class Runserver(RunningProcess):
    """Ready when it answers."""

    def __init__(
        self, folder: Path, *options: str, port: int | None = None, settings: str = "project.settings"
    ) -> None:
        self.port = port or free_port()
        (folder / "reloaded_settings.py").write_text(f"from {settings} import *\n")
        environment = project_environment(
            DATA_DIR=str(folder),
            DEBUG="1",
            DJANGO_SETTINGS_MODULE="reloaded_settings",
            PYTHONPATH=os.pathsep.join((str(folder), str(ROOT))),
        )
        manage = [sys.executable, str(ROOT / "manage.py")]
        subprocess.run([*manage, "migrate", "--verbosity", "0"], env=environment, cwd=ROOT, check=True)
        super().__init__(
            [*manage, "runserver", *options, f"127.0.0.1:{self.port}"], name="runserver", environment=environment
        )

    def ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/", timeout=20).status_code == 200
        except httpx.TransportError:
            return False

    def talk(self) -> None:
        """One frame, there and back."""
        with connect(f"ws://127.0.0.1:{self.port}/chat/development/", open_timeout=20) as socket:
            socket.send(json.dumps({"handle": "me", "message": "hello"}))
            assert json.loads(socket.recv(20))["message"] == "hello"


def test_it_chats_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    with Runserver(tmp_path, "--noreload") as server:
        server.talk()
        server.signal(signal.SIGINT)
        assert server.wait(15) == 0
        assert "Traceback" not in server.log, server.log


def test_it_serves_static_files(tmp_path: Path) -> None:
    with Runserver(tmp_path, "--noreload", settings="tests.integration.plain_static_settings") as server:
        style = httpx.get(f"http://127.0.0.1:{server.port}/static/chat/style.css", timeout=20)
        assert style.status_code == 200


#: Settings are as good a place as any to break something on purpose.
BROKEN = """
from switchboard.layers.memory import MemoryLayer
async def open_inbox(self, interface):
    raise RuntimeError("broken on purpose")
MemoryLayer.open_inbox = open_inbox
"""


@pytest.mark.parametrize("options", [["--noreload"], []])
def test_an_interface_that_fails_ends_it(tmp_path: Path, options: list[str]) -> None:
    server = Runserver(tmp_path, *options)
    try:
        with (tmp_path / "reloaded_settings.py").open("a") as settings:
            settings.write(BROKEN)
        server.spawn()
        assert server.wait(60) == 1
        assert "task hub failed" in server.log and "broken on purpose" in server.log
    finally:
        server.close()


def test_a_change_starts_it_anew_and_ctrl_c_ends_both_processes(tmp_path: Path) -> None:
    with Runserver(tmp_path) as server:
        server.talk()
        changes = itertools.count()

        def change() -> bool:
            # Again and again: the reloader overlooks what changes before its first look.
            changed = f"from project.settings import *\nCHANGED = {next(changes)}\n"
            (tmp_path / "reloaded_settings.py").write_text(changed)
            return "changed, reloading" in server.log

        wait_until(change, "the change is noticed")
        wait_until(lambda: server.log.count("Quit the server") >= 2, "runserver again")
        wait_until(server.ready, "an answer")
        server.talk()
        os.killpg(server.pid, signal.SIGINT)  # as a terminal does
        assert server.wait(15) == 0
        assert "Traceback" not in server.log, server.log


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with listening_socket() as taken:
        server = Runserver(tmp_path, "--noreload", port=taken.getsockname()[1])
        try:
            server.spawn()
            assert server.wait() == 1
            assert "cannot listen on 127.0.0.1:" in server.log
        finally:
            server.close()
