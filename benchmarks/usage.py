"""What processes have used: seconds of CPU, and memory.

Memory is RSS, what of a process is in RAM, and PSS, where a page that several processes share counts once among all of
them. Neither counts what the kernel holds for a socket: some 4 KB each, whoever the server is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import psutil

__all__ = ["Memory", "cpu_seconds", "memory"]


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes."""

    rss: int
    pss: int


def cpu_seconds(pids: Mapping[str, Iterable[int]]) -> dict[str, float]:
    """User and system time so far by role, that of child processes included."""
    return {role: sum(map(_seconds, _families(of_role))) for role, of_role in pids.items()}


def memory(pids: Mapping[str, Iterable[int]]) -> dict[str, Memory]:
    """What they have now by role, child processes included."""
    found = {}
    for role, of_role in pids.items():
        infos = [process.memory_full_info() for process in _families(of_role)]
        found[role] = Memory(sum(info.rss for info in infos), sum(info.pss for info in infos))
    return found


def _families(pids: Iterable[int]) -> list[psutil.Process]:
    found = []
    for pid in pids:
        process = psutil.Process(pid)
        found += [process, *process.children(recursive=True)]
    return found


def _seconds(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return times.user + times.system
    return 0.0
