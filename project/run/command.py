"""From the first check to the last process gone."""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import django

from project import environment
from project.environment import ROOT, Environment
from project.run import preflight, preparation
from project.run.endings import Endings
from project.run.refusal import NotStarted, Refusal
from project.run.supervision import Supervisor
from switchboard import private_redis

__all__ = ["main"]

CONF = ROOT / "supervisord.conf"

#: Seconds until the first page has to come. A slow machine starts four Pythons.
START_PATIENCE = 90.0

#: Seconds between two looks while it starts.
LOOK = 0.1

#: Lines of a log that are shown for a process that does not start.
TAIL = 20


def main(arguments: Sequence[str]) -> int:
    """Run Switchboard in the foreground until Ctrl-C, SIGTERM or the terminal's end. The exit status."""
    parser = argparse.ArgumentParser(prog="python -m project.run", description=main.__doc__)
    parser.parse_args(arguments)
    settings = environment.read_or_exit()
    os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
    try:
        with Endings() as endings, preflight.only_one(settings.data_dir, address(settings)):
            _run(settings, endings)
    except Refusal as refusal:
        say(str(refusal), sys.stderr)
        return refusal.status
    return 0


def address(settings: Environment) -> str:
    """The URL to open; one cannot open 0.0.0.0."""
    host = "localhost" if settings.bind == "0.0.0.0" else settings.bind  # noqa: S104 - a comparison
    return f"http://{host}:{settings.port}/"


def say(text: str, stream: object = None) -> None:
    """Print, also where nobody listens any more."""
    with contextlib.suppress(OSError):
        print(text, file=stream or sys.stdout, flush=True)  # type: ignore[arg-type]


def _run(settings: Environment, endings: Endings) -> None:
    with _runtime_dir(settings) as runtime_dir:
        _export(settings, runtime_dir)
        preflight.check(settings, CONF)
        django.setup()
        preparation.prepare()
        if endings.asked:
            return
        with Supervisor(CONF, runtime_dir / "supervisor.sock", os.environ) as supervisor:
            if _started(supervisor, endings, settings, runtime_dir):
                _announce(settings, runtime_dir)
                while supervisor.running and not endings.asked:
                    endings.wait()
            say("Stopping: workers finish what they hold.")
    say("Stopped.")


@contextlib.contextmanager
def _runtime_dir(settings: Environment) -> Iterator[Path]:
    """A private folder for sockets, and the link to supervisord's by which supervisorctl finds it."""
    folder, link = private_redis.private_folder(), settings.data_dir / "supervisor.sock"
    try:
        if link.is_symlink():  # of a run that was killed
            _forget(link.readlink().parent)
        link.unlink(missing_ok=True)
        link.symlink_to(folder / "supervisor.sock")
        yield folder
    finally:
        link.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


def _forget(folder: Path) -> None:
    """Remove the private folder of a run that was killed, if it is one: only sockets are ever removed, and
    the folder when nothing else was in it."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if path.is_socket():
                path.unlink()
        folder.rmdir()


def _export(settings: Environment, runtime_dir: Path) -> None:
    """Everything supervisord.conf and its processes need; this process reads its own settings from there as well."""
    (settings.data_dir / "log").mkdir(exist_ok=True)
    os.environ |= {
        "BIND": settings.bind,
        "PORT": str(settings.port),
        "DATA_DIR": str(settings.data_dir),
        "REDIS_URL": settings.redis_url or private_redis.url(runtime_dir / "redis.sock"),
        "RUNTIME_DIR": str(runtime_dir),
        "PYTHON": sys.executable,
        "PYTHONUNBUFFERED": "1",
    }


def _names(settings: Environment) -> list[str]:
    workers = [f"worker:worker_{number:02d}" for number in range(settings.workers)]
    return workers + [f"interface:interface_{number:02d}" for number in range(settings.interfaces)]


def _started(supervisor: Supervisor, endings: Endings, settings: Environment, runtime_dir: Path) -> bool:
    """Start everything and wait for the first page. False when somebody asked for the end meanwhile.

    NotStarted where it does not come up.
    """
    deadline = time.monotonic() + START_PATIENCE

    def until(condition: Callable[[], bool]) -> bool:
        return _until(condition, supervisor, endings, deadline)

    if not until(supervisor.answers):
        return False
    if not settings.redis_url:
        supervisor.start(["redis"])
        if not until(lambda: _all_run(supervisor, ["redis"]) and (runtime_dir / "redis.sock").exists()):
            return False
    names = _names(settings)
    supervisor.start(names)
    return until(lambda: _all_run(supervisor, names) and (settings.workers == 0 or _page_comes(settings)))


def _all_run(supervisor: Supervisor, names: list[str]) -> bool:
    programs = supervisor.programs(names)
    for program in programs:
        if program.failed:
            raise NotStarted(f"{program.name} does not start; the end of {program.log}:\n{_tail(program.log)}")
    return all(program.state == "RUNNING" for program in programs)


def _until(condition: Callable[[], bool], supervisor: Supervisor, endings: Endings, deadline: float) -> bool:
    while not condition():
        if endings.asked:
            return False
        if not supervisor.running:
            raise NotStarted(f"supervisord does not start: {supervisor.complaint}")
        if time.monotonic() > deadline:
            raise NotStarted(f"Nothing answers after {START_PATIENCE:g} s; see {os.environ['DATA_DIR']}/log.")
        endings.wait(LOOK)
    return not endings.asked


def _page_comes(settings: Environment) -> bool:
    host = "127.0.0.1" if settings.bind == "0.0.0.0" else settings.bind  # noqa: S104 - a comparison
    with contextlib.closing(http.client.HTTPConnection(host, settings.port, timeout=5)) as connection:
        try:
            connection.request("GET", "/")
            return connection.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False


def _tail(log: Path) -> str:
    with contextlib.suppress(OSError):
        return "\n".join(log.read_text(errors="replace").splitlines()[-TAIL:])
    return "(nothing)"


def _announce(settings: Environment, runtime_dir: Path) -> None:
    conf_finds_it = settings.data_dir == ROOT / "var" and len(os.fsencode(ROOT)) < 80
    control = "" if conf_finds_it else f" -s unix://{runtime_dir}/supervisor.sock"
    say(f"Switchboard runs: {settings.interfaces} interface(s), {settings.workers} worker(s). Open {address(settings)}")
    say(f"Logs: {settings.data_dir}/log  Processes: .venv/bin/supervisorctl{control} status  End: Ctrl-C")
