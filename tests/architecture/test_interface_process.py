"""An interface carries no application code, so it needs no restart when that changes.

A real one, under Daphne, with a real worker, serves a page and a frame of the chat, and is then asked what it loaded.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from django.apps import apps
from websockets.sync.client import connect

from project.environment import ROOT
from switchboard.testing.processes import Daphne, PrivateRedis, Worker, project_environment
from tests.site import HANDSHAKE

#: Notes at the end of the process what it has loaded, beside what it is asked to run.
_WITNESS = """
import atexit, json, pathlib, sys
def testify():
    from django.apps import apps
    seen = {"modules": sorted(sys.modules), "ready": apps.ready, "configured": "django.conf" in sys.modules}
    pathlib.Path(sys.argv.pop()).write_text(json.dumps(seen))
atexit.register(testify)
from switchboard.interface.server import CommandLine
CommandLine().run(sys.argv[1:-1])
"""


class Witness(Daphne):
    program = (sys.executable, "-c", _WITNESS)

    def __init__(self, redis_url: str, testimony: Path, **settings: str) -> None:
        super().__init__(redis_url, **settings)
        self._testimony = testimony

    def command_for(self, listener: int) -> list[str]:
        return [*super().command_for(listener), str(self._testimony)]


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """A database of its own, migrated."""
    settings = {"DATA_DIR": str(tmp_path), "DEBUG": "on"}  # DEBUG: pages without collected static files
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=project_environment(**settings), timeout=60, check=True)
    return settings


@pytest.mark.redis
@pytest.mark.timeout(300)
def test_it_has_loaded_no_application(
    private_redis_server: PrivateRedis, tmp_path: Path, settings: dict[str, str]
) -> None:
    testimony = tmp_path / "testimony.json"
    with (
        Worker(private_redis_server.url, **settings) as worker,
        Witness(private_redis_server.url, testimony, **settings) as interface,
    ):
        assert worker.running
        with urllib.request.urlopen(f"{interface.url}/", timeout=30) as page:
            assert page.status == 200
        with connect(f"{interface.websocket_url}/chat/architecture/", open_timeout=HANDSHAKE) as socket:
            socket.send(json.dumps({"handle": "ada", "message": "hello"}))
            assert json.loads(socket.recv(timeout=30))["message"] == "hello"
        assert interface.terminate() == 0
    seen = json.loads(testimony.read_text())
    assert seen["configured"]
    assert seen["ready"] is False
    models = "|".join(re.escape(f"{app.name}.models") for app in apps.get_app_configs())
    application = re.compile(rf"(chat|routing|project\.urls|{models})(\..*)?")
    assert list(filter(application.fullmatch, seen["modules"])) == []
    consumers_side = {
        f"switchboard.{name}" for name in ("message", "channels", "outbox", "routing", "sessions", "worker")
    }
    assert consumers_side.isdisjoint(seen["modules"])
