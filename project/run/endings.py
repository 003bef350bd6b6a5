"""Waiting for the end: a signal, a closed terminal, or the end of the one child.

A closed terminal is not always told by SIGHUP: the kernel sends it to the session's leader alone, and that may be a
`make` which waits for us. So the terminal itself is watched as well. Signals arrive through a pipe, so that one `poll`
waits for everything and nothing is looked at in intervals.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from types import FrameType, TracebackType
from typing import Self

__all__ = ["Endings"]


class Endings:
    """Within this context the ending signals are caught; `wait()` says which ending came."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __enter__(self) -> Self:
        self._seen: signal.Signals | None = None
        self._awake, self._waker = os.pipe()
        for end in (self._awake, self._waker):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        # What was ignored when we began stays so: `nohup` means it.
        caught = [number for number in self.SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._note) for number in (*caught, signal.SIGCHLD)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(-1)
        os.close(self._awake)
        os.close(self._waker)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number != signal.SIGCHLD:
            self._seen = signal.Signals(number)

    @property
    def asked(self) -> bool:
        """Whether somebody wants the end."""
        return self._seen is not None

    def wait(self, seconds: float | None = None) -> None:
        """Return when an ending was asked for, the terminal closed, a child ended or the time passed."""
        if self.asked:
            return
        poll = select.poll()
        poll.register(self._awake, select.POLLIN)
        terminal = sys.__stdin__.fileno() if sys.__stdin__ and sys.__stdin__.isatty() else None
        if terminal is not None:
            poll.register(terminal, 0)  # of a terminal, only that it hung up; what is typed is none of our business
        for descriptor, _ in poll.poll(None if seconds is None else seconds * 1000):
            if descriptor == terminal:
                self._seen = signal.SIGHUP
        with contextlib.suppress(BlockingIOError):
            os.read(self._awake, 4096)
