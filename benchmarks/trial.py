"""One workload against one running system: starts the load generator, and does what its marks ask for.

The generator knows nothing of the servers' processes. At its marks this side reads what they have used so far, or kills
one of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.samples import Samples, read_samples
from benchmarks.systems import Running
from benchmarks.usage import Memory, cpu_seconds, memory
from switchboard.testing.processes import ROOT

__all__ = ["Outcome", "TrialFailed", "perform"]


class TrialFailed(Exception):
    """The load generator ended with an error, which it has printed."""


@dataclass(frozen=True)
class Outcome:
    """What the generator found, with what the servers used added to it; and the raw latencies."""

    found: dict[str, Any]
    latencies: Samples


def perform(running: Running, words: Sequence[str]) -> Outcome:
    """Run the load generator with these words to its end. Raises TrialFailed."""
    watch = _Watch(running)
    urls = [word for url in running.urls for word in ("--url", url)]
    dialect = ["--dialect", running.dialect] if running.dialect else []
    with tempfile.TemporaryDirectory() as folder:
        samples = Path(folder) / "samples"
        command = [sys.executable, "-m", "benchmarks.load", *words, *urls, *dialect]
        found = _converse([*command, "--marks", "--samples", str(samples)], watch.at)
        return Outcome({**found, **watch.used(found)}, read_samples(samples))


def _converse(command: Sequence[str], react: Callable[[str], None]) -> dict[str, Any]:
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            for line in process.stdout:
                said: dict[str, Any] = json.loads(line)
                if "mark" not in said:
                    return said
                react(said["mark"])
                print(file=process.stdin, flush=True)
        except BaseException:
            process.kill()
            raise
    raise TrialFailed(f"{' '.join(command)} ended with {process.returncode}")


class _Watch:
    """What was read at the marks."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._cpu: dict[str, dict[str, float]] = {}
        self._memory: dict[str, dict[str, Memory]] = {}

    def at(self, mark: str) -> None:
        if mark == "kill":
            for holder in self._running.holders:
                holder.kill()
            for holder in self._running.holders:
                holder.start()
            return
        if mark in ("empty", "silent"):
            self._memory[mark] = memory(self._running.pids())
        self._cpu[mark] = cpu_seconds(self._running.pids())

    def used(self, found: dict[str, Any]) -> dict[str, Any]:
        """CPU seconds, and memory for each socket, where there were marks to read them at."""
        facts: dict[str, Any] = {}
        if {"warm", "measured"} <= set(self._cpu):
            facts["cpu_seconds"] = self._between("warm", "measured")
        if {"silent", "end"} <= set(self._cpu):
            facts["cpu_seconds"] = self._between("silent", "end")
        if {"empty", "silent"} <= set(self._memory):
            facts["memory"] = {
                mark: {role: asdict(used) for role, used in roles.items()} for mark, roles in self._memory.items()
            }
            facts["kb_each"] = self._kb_each(found["sockets"])
        return facts

    def _between(self, first: str, second: str) -> dict[str, float]:
        return {role: round(used - self._cpu[first][role], 3) for role, used in self._cpu[second].items()}

    def _kb_each(self, sockets: int) -> dict[str, dict[str, float]]:
        before, after = self._memory["empty"], self._memory["silent"]

        def each(of: Callable[[Memory], int]) -> dict[str, float]:
            return {role: round((of(after[role]) - of(before[role])) / 1024 / sockets, 2) for role in after}

        return {"rss": each(lambda used: used.rss), "pss": each(lambda used: used.pss)}
