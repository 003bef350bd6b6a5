"""A command on a terminal of its own, as somebody at a keyboard runs it."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from switchboard.testing.waiting import DEADLINE, wait_until

#: Makes the terminal on standard input its session's own, then becomes the command, as a terminal emulator does.
_TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)


class Terminal:
    """The command leads the terminal's session. At the end of the context nothing it started is left."""

    def __init__(self, command: Sequence[str], *, cwd: Path, environment: Mapping[str, str]) -> None:
        self._keyboard, terminal = pty.openpty()
        os.set_blocking(self._keyboard, False)
        self._open = True
        self._said = ""
        self._family: set[psutil.Process] = set()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_TERMINAL, *command],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            cwd=cwd,
            env=dict(environment),
            start_new_session=True,
        )
        os.close(terminal)

    def press(self, keys: str) -> None:
        os.write(self._keyboard, keys.encode())

    def hang_up(self) -> None:
        """Close the window."""
        self._open = False
        os.close(self._keyboard)

    @property
    def output(self) -> str:
        """Everything said so far."""
        while self._open and select.select([self._keyboard], [], [], 0)[0]:
            try:
                self._said += os.read(self._keyboard, 65536).decode(errors="replace")
            except OSError:  # nobody has the other end any more
                break
        return self._said

    def wait_for(self, text: str, timeout: float = DEADLINE) -> None:
        """Wait until `text` was said; an AssertionError with everything said if the command ends before."""

        def said() -> bool:
            ended = self.process.poll() is not None
            if text in self.output:
                return True
            assert not ended, f"ended with {self.process.returncode}:\n{self._said}"
            return False

        wait_until(said, f"{text!r} on the terminal", timeout=timeout)

    def family(self) -> set[psutil.Process]:
        """The command and all its descendants, those seen earlier included: orphans do not escape."""
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self.process.pid)
            self._family |= {parent, *parent.children(recursive=True)}
        return self._family

    def left(self) -> list[psutil.Process]:
        """Who of the family still lives."""
        self.process.poll()
        return [one for one in self._family if _lives(one)]

    def wait_until_gone(self, timeout: float = DEADLINE) -> int:
        """Wait until nobody of the family lives; the command's exit status."""
        wait_until(self._nobody_left, "the end of every process", timeout=timeout)
        return self.process.wait()

    def _nobody_left(self) -> bool:
        self.output  # noqa: B018 - a terminal that nobody reads holds up who writes to it
        return not self.left()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            print(f"--- terminal\n{self.output}")
        self.family()
        for one in self._family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        self.process.wait()
        psutil.wait_procs(self._family, timeout=DEADLINE)
        if self._open:
            self.hang_up()


def _lives(process: psutil.Process) -> bool:
    """Who ends while it is asked has no status any more, and asking for it raises."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE and process.is_running()
    except psutil.NoSuchProcess:
        return False
