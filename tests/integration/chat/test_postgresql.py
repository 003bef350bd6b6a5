"""The one door for messages, on PostgreSQL: rows are locked there one by one, not the whole database."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


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
