"""What is asked of whom: cases, each for one start of the load generator.

All cases of one workload and system run one after the other on the same start of the system, in a fresh data folder,
unless the workload wants a fresh start for each: a process that has held many sockets does not give all memory back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.systems import PAGES, SYSTEMS, Switchboard, System

__all__ = ["LADDER", "WORKLOADS", "Case", "Workload", "workloads"]

#: Messages a second, the rungs of W3, as far as a system gets.
LADDER = (40, 80, 160, 320, 640, 1280, 2560, 3600, 5120)

#: Messages in each room of W8, before they are ten times as many.
HISTORY = 50

WORKLOADS = {
    "W1": "one room, closed loop, 4 messages under way",
    "W2": "100 rooms of 5, closed loop, one message under way in each",
    "W3": "20 rooms of 5, open loop",
    "W4": "idle sockets",
    "W5": "the interface is killed, and everybody comes back",
    "W6": "the room's page over HTTP, 32 connections",
    "W7": "W2 with more interfaces and workers",
    "W8": "W2 with a past, and with ten times the rooms and the past",
}


@dataclass(frozen=True)
class Case:
    """One start of the load generator."""

    variant: str
    words: Sequence[str]
    #: Whether what follows is harder, and not to be tried once this was too much.
    rung: bool = False
    #: The one system that it is for, if it is not for all.
    only: str = ""


@dataclass(frozen=True)
class Workload:
    """Cases, and the systems they are for: name, in this workload, and how to start it."""

    name: str
    cases: Sequence[Case]
    systems: dict[str, System] = field(default_factory=dict)
    #: Whether the system is started anew for each case.
    fresh: bool = False


def workloads(
    *, seconds: float, warm_up: float, ours: Switchboard | None = None, quick: bool = False
) -> dict[str, Workload]:
    """All workloads by name, with ``ours`` among the chats. ``quick`` makes each so small that it just runs."""
    times = ("--seconds", f"{seconds:g}", "--warm-up", f"{warm_up:g}")
    chats = {**SYSTEMS, Switchboard.name: ours or Switchboard()}
    rooms = 10 if quick else 100
    talk = ["W2", "--all-first", "--under-way", str(rooms), *times]
    in_all_rooms = [Case(f"{rooms} rooms", [*talk, "--rooms", str(rooms)])]
    found = [
        Workload("W1", _sizes(times, (20,) if quick else (200, 1000)), chats),
        Workload("W2", in_all_rooms, chats),
        Workload("W3", _rates(times, (40,) if quick else LADDER), chats),
        Workload("W4", _crowds(times, (100,) if quick else (2_000, 5_000, 10_000)), chats, fresh=True),
        Workload("W5", _storms(rooms), {Switchboard.name: chats[Switchboard.name]}),
        Workload("W6", [Case("32 connections", ["W6", *times])], _pages()),
        Workload("W7", in_all_rooms, _pools(quick=quick)),
        _growth(rooms, talk),
    ]
    return {workload.name: workload for workload in found}


def _sizes(times: Sequence[str], sizes: Sequence[int]) -> list[Case]:
    return [Case(f"{size} members", ["W1", "--members", str(size), *times]) for size in sizes]


def _rates(times: Sequence[str], rungs: Sequence[int]) -> list[Case]:
    bursts = Case("80/s in bursts of 20", ["W3", "--rate", "80", "--bursts", *times])
    return [bursts, *(Case(f"{rate}/s", ["W3", "--rate", str(rate), *times], rung=True) for rate in rungs)]


def _crowds(times: Sequence[str], sizes: Sequence[int]) -> list[Case]:
    return [Case(f"{size} sockets", ["W4", "--rooms", str(size // 20), *times]) for size in sizes]


def _storms(rooms: int) -> list[Case]:
    return [Case(f"{20 * rooms} sockets", ["W5", "--rooms", str(rooms)])]


def _pages() -> dict[str, System]:
    one, two = (Switchboard(rooms=1, history=50, workers=workers) for workers in (1, 2))
    return {Switchboard.name: one, "Switchboard, 2 workers": two, **PAGES}


def _pools(*, quick: bool) -> dict[str, System]:
    numbers = [(1, 1)] if quick else [(interfaces, workers) for interfaces in (1, 2) for workers in (1, 2, 4)]
    pools = [Switchboard(interfaces=interfaces, workers=workers) for interfaces, workers in numbers]
    return {pool.processes(): pool for pool in pools}


def _growth(rooms: int, talk: Sequence[str]) -> Workload:
    """As many messages under way in ten times the rooms, each with ten times the past."""
    cases, systems = [], {}
    for factor in (1, 10):
        name = f"{factor * rooms} rooms with {factor * HISTORY} messages each"
        systems[name] = Switchboard(rooms=factor * rooms, history=factor * HISTORY)
        words = [*talk, "--rooms", str(factor * rooms)]
        cases.append(Case(f"{rooms} under way", words, only=name))
    return Workload("W8", cases, dict(systems))
