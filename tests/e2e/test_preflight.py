"""What keeps the run command from starting is one sentence and status 2."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from project.environment import ROOT
from project.run import preflight
from switchboard.testing.ports import free_port, listening_socket

RUN = [sys.executable, "-m", "project.run"]


def refusal(environment: dict[str, str], command: list[str] = RUN) -> str:
    """The one line that a run with these settings says."""
    found = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 2, found
    assert found.stdout == ""
    assert len(found.stderr.splitlines()) == 1, found.stderr
    return found.stderr.strip()


@pytest.fixture
def settings_of(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    return {**environment, "DATA_DIR": str(tmp_path / "data"), "REDIS_URL": "", "DATABASE_URL": ""}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"PORT": "http"}, "PORT is 'http', but has to be a whole number from 1 to 65535."),
        ({"DEBUG": "perhaps"}, "DEBUG is 'perhaps', but has to be on or off (or true, false, yes, no, 1, 0)."),
        ({"WORKERS": "99"}, "WORKERS is 99, but supervisord.conf has room for 16 (numprocs in [program:worker])."),
        ({"BIND": "192.0.2.1"}, "BIND is '192.0.2.1', but this machine has no such address."),
        ({"BIND": "no.such.host.invalid"}, "BIND is 'no.such.host.invalid', but no address is known for that name."),
        ({"REDIS_URL": "unix:///nowhere/redis.sock"}, "The Redis at REDIS_URL does not answer: "),
        ({"REDIS_URL": f"redis://127.0.0.1:{free_port()}"}, "The Redis at REDIS_URL does not answer: "),
    ],
)
def test_a_setting(settings_of: dict[str, str], settings: dict[str, str], sentence: str) -> None:
    assert refusal({**settings_of, **settings}).startswith(sentence)


@pytest.mark.redis
@pytest.mark.parametrize(
    "url",
    ["sqlite:////nowhere/chat.db", f"postgres://me:secret@127.0.0.1:{free_port()}/chat"],
    ids=["sqlite", "postgres"],
)
def test_a_database_that_does_not_answer(settings_of: dict[str, str], url: str) -> None:
    sentence = refusal({**settings_of, "DATABASE_URL": url})
    assert sentence.startswith("The database does not answer (see DATABASE_URL): ")
    assert "secret" not in sentence


def test_a_taken_port(settings_of: dict[str, str]) -> None:
    with listening_socket() as listener:
        port = listener.getsockname()[1]
        sentence = refusal({**settings_of, "PORT": str(port)})
    assert sentence == f"The port of 127.0.0.1:{port} is taken: stop what listens there, or set PORT to another."


def test_already_running(settings_of: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with preflight.only_one(tmp_path / "data", "http://127.0.0.1:8000/"):
        sentence = refusal(settings_of)
    assert sentence == (
        f"Switchboard is already running in {tmp_path / 'data'}: process {os.getpid()}, http://127.0.0.1:8000/."
    )


def test_no_redis_server_anywhere(settings_of: dict[str, str]) -> None:
    hide = (
        "import importlib.util as u; f = u.find_spec; u.find_spec = lambda n, p=None: None if 'lite' in n else f(n, p)"
    )
    command = [sys.executable, "-c", f"{hide}; from project.run.command import main; raise SystemExit(main([]))"]
    sentence = refusal({**settings_of, "PATH": ""}, command)
    assert sentence.startswith("No redis-server was found: install one ")


def test_a_missing_virtual_environment(settings_of: dict[str, str]) -> None:
    sentence = refusal(settings_of, [sys.executable, "-S", "-m", "project.run"])  # -S: no site-packages
    assert sentence == "The virtual environment is missing: `make run` makes .venv and starts from there."


def test_an_old_python(settings_of: dict[str, str]) -> None:
    pretend = "import runpy, sys; sys.version_info = (3, 9, 1); sys.version = '3.9.1 (main)'"
    command = [sys.executable, "-c", f"{pretend}; runpy.run_module('project.run', run_name='__main__')"]
    assert refusal(settings_of, command) == "Switchboard needs Python 3.11 or newer; this is 3.9.1."


def test_make_finds_no_python(settings_of: dict[str, str], tmp_path: Path) -> None:
    command = ["make", "run", f"VENV={tmp_path / 'venv'}", "PYTHONS=false no-such-python"]
    found = subprocess.run(command, cwd=ROOT, env=settings_of, capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 2
    assert found.stderr.startswith("Switchboard needs Python 3.11 or newer, and none was found: ")


def test_make_never_overwrites_what_is_there(settings_of: dict[str, str], tmp_path: Path) -> None:
    others = tmp_path / "venv" / "precious"
    others.parent.mkdir()
    others.touch()
    command = ["make", "run", f"VENV={others.parent}"]
    found = subprocess.run(command, cwd=ROOT, env=settings_of, capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 2
    assert found.stderr.startswith(f"{others.parent} is there but has no working Python in it ")
    assert others.exists()


def test_make_refuses_a_virtual_environment_with_spaces(settings_of: dict[str, str], tmp_path: Path) -> None:
    command = ["make", "run", f"VENV={tmp_path}/a venv"]
    found = subprocess.run(command, cwd=ROOT, env=settings_of, capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 2
    assert "has to be a path without spaces" in found.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command", [["manage.py", "check"], ["-m", "daphne", "asgi:application"]], ids=["manage", "asgi"]
)
def test_every_other_entry_has_the_sentence_too(settings_of: dict[str, str], command: list[str]) -> None:
    sentence = refusal({**settings_of, "WORKERS": "many"}, [sys.executable, *command])
    assert sentence == "WORKERS is 'many', but has to be a whole number from 0 to 1000."


def test_an_unknown_option_is_refused(settings_of: dict[str, str]) -> None:
    found = subprocess.run([*RUN, "--fast"], cwd=ROOT, env=settings_of, capture_output=True, text=True, check=False)
    assert found.returncode == 2
    assert "unrecognized arguments: --fast" in found.stderr
