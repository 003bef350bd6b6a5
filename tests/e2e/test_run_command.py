"""`make run`: one command, one end.

The command runs on a terminal in a checkout whose path has spaces. Each test is one life of it, from the URL it says to
the last process gone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis

from switchboard.testing.waiting import wait_until
from tests.e2e.running import MAKE, START, processes, running, supervisorctl
from tests.e2e.terminal import Terminal

pytestmark = [pytest.mark.redis, pytest.mark.timeout(300)]


def programs_of(terminal: Terminal) -> list[str]:
    return sorted(" ".join(one.cmdline()) for one in terminal.family() if one.is_running())


def nothing_left(checkout: Path) -> None:
    assert not (checkout / "var" / "supervisor.sock").is_symlink()


def test_it_serves_the_page_and_an_operator_adds_a_worker(checkout: Path, environment: dict[str, str]) -> None:
    with running(checkout, environment) as terminal:
        with urllib.request.urlopen(f"http://127.0.0.1:{environment['PORT']}/", timeout=30) as page:
            assert page.status == 200
            assert "default-src 'self'" in page.headers["Content-Security-Policy"]

        before = processes(checkout)
        assert set(before) == {"redis", "interface:interface_00", "worker:worker_00", "worker:worker_01"}

        assert supervisorctl(checkout, "start", "worker:worker_02") == [["worker:worker_02:", "started"]]
        after = processes(checkout)
        assert after == {**before, "worker:worker_02": after["worker:worker_02"]}

        runtime_dir = (checkout / "var" / "supervisor.sock").readlink().parent
        assert runtime_dir.stat().st_mode & 0o777 == 0o700
        terminal.family()
        terminal.press("\x03")
        terminal.wait_for("Stopped.", timeout=120)
        terminal.wait_until_gone()
        assert not runtime_dir.exists()
    nothing_left(checkout)


def close_the_window(terminal: Terminal) -> None:
    terminal.hang_up()


def press_ctrl_c(terminal: Terminal) -> None:
    terminal.press("\x03")


def terminate_make(terminal: Terminal) -> None:
    terminal.process.send_signal(signal.SIGTERM)


def kill_the_run_command(terminal: Terminal) -> None:
    [run] = [one for one in terminal.family() if "project.run" in one.cmdline()]
    run.kill()


@pytest.mark.parametrize("end", [close_the_window, press_ctrl_c, terminate_make, kill_the_run_command])
def test_every_end_ends_every_process(
    checkout: Path, environment: dict[str, str], end: Callable[[Terminal], None]
) -> None:
    with running(checkout, environment) as terminal:
        family = terminal.family()
        assert len(family) >= 7, programs_of(terminal)  # make, run, supervisord, redis, interface, two workers
        end(terminal)
        terminal.wait_until_gone(timeout=120)


def test_a_second_start_is_refused_while_the_first_runs(checkout: Path, environment: dict[str, str]) -> None:
    with running(checkout, environment) as terminal:
        second = subprocess.run(
            MAKE, cwd=checkout, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert second.returncode == 2
        assert "is already running in" in second.stderr
        assert set(processes(checkout)) == {"redis", "interface:interface_00", "worker:worker_00", "worker:worker_01"}
        terminal.press("\x03")
        terminal.wait_until_gone(timeout=120)


def test_a_process_that_does_not_start_is_shown_and_everything_ends(
    checkout: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    broken = {**environment, "DATA_DIR": str(tmp_path / "data"), "PYTHONPATH": str(tmp_path)}
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nif 'runworker' in sys.argv:\n    sys.exit('this worker is broken')\n"
    )
    with Terminal([sys.executable, "-m", "project.run"], cwd=checkout, environment=broken) as terminal:
        wait_until(lambda: terminal.family() and terminal.process.poll() is not None, "its end", timeout=START)
        assert terminal.process.returncode == 1
        assert "does not start; the end of" in terminal.output
        assert "this worker is broken" in terminal.output
        terminal.wait_until_gone()


def test_many_interfaces_share_one_port(checkout: Path, environment: dict[str, str]) -> None:
    with running(checkout, {**environment, "INTERFACES": "2", "WORKERS": "1"}) as terminal:
        before = processes(checkout)
        assert set(before) == {"redis", "interface:interface_00", "interface:interface_01", "worker:worker_00"}
        assert supervisorctl(checkout, "stop", "interface:interface_00") == [["interface:interface_00:", "stopped"]]
        with urllib.request.urlopen(f"http://127.0.0.1:{environment['PORT']}/", timeout=30) as page:
            assert page.status == 200
        terminal.press("\x03")
        terminal.wait_until_gone(timeout=120)


def test_an_interface_that_cannot_work_is_started_again_and_never_given_up(
    checkout: Path, environment: dict[str, str]
) -> None:
    with running(checkout, {**environment, "WORKERS": "1"}) as terminal:
        [interface] = [name for name in processes(checkout) if name.startswith("interface:")]
        log = checkout / "var" / "log" / "interface_00.log"
        with Redis(unix_socket_path=str((checkout / "var/supervisor.sock").readlink().parent / "redis.sock")) as redis:
            redis.execute_command("ACL", "SETUSER", "default", "-hset")
            os.kill(processes(checkout)[interface], signal.SIGKILL)
            # More often than supervisord tries unless it is told otherwise; each pause is a second longer.
            wait_until(lambda: log.read_text().count("task hub failed") >= 5, "five starts in vain", timeout=120)
            assert supervisorctl(checkout, "status", interface)[0][1] in ("BACKOFF", "STARTING")
            redis.execute_command("ACL", "SETUSER", "default", "+hset")
            wait_until(lambda: interface in processes(checkout), "the interface runs", timeout=60)
        with urllib.request.urlopen(f"http://127.0.0.1:{environment['PORT']}/", timeout=30) as page:
            assert page.status == 200
        terminal.press("\x03")
        terminal.wait_until_gone(timeout=120)


def test_the_family_of_a_terminal_is_seen_whole() -> None:
    """The tests above are worth what `family` sees: also an orphaned grandchild in a session of its own."""
    nested = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {nested!r}], start_new_session=True)"
    with Terminal([sys.executable, "-c", outer], cwd=Path.cwd(), environment=dict(os.environ)) as terminal:
        terminal.wait_for("1")
        assert len(terminal.family()) == 3
        terminal.process.kill()
        terminal.process.wait()
        assert len(terminal.left()) == 2
    assert terminal.left() == []
