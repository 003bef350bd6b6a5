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


def workloads(*, seconds: float, warm_up: float, quick: bool = False) -> dict[str, Workload]:
    """All workloads by name; ``quick`` makes each as small as it can be and still run."""
    times = ("--seconds", f"{seconds:g}", "--warm-up", f"{warm_up:g}")

    def case(variant: str, *words: object, rung: bool = False) -> Case:
        return Case(variant, [*map(str, words), *times], rung)

    rooms = 10 if quick else 100
    in_all_rooms = ("--rooms", rooms, "--under-way", rooms)
    sizes = (20,) if quick else (200, 1000)
    idle = (100,) if quick else (2_000, 5_000, 10_000)
    rungs = (40,) if quick else LADDER
    chat = dict(SYSTEMS)
    ours = chat["switchboard"]
    return {
        workload.name: workload
        for workload in (
            Workload("W1", [case(f"{size} members", "W1", "--members", size) for size in sizes], chat),
            Workload("W2", [case(f"{rooms} rooms", "W2", *in_all_rooms)], chat),
            Workload(
                "W3",
                [
                    case("80/s in bursts of 20", "W3", "--rate", 80, "--bursts"),
                    *(case(f"{rate}/s", "W3", "--rate", rate, rung=True) for rate in rungs),
                ],
                chat,
            ),
            Workload("W4", [case(f"{size} sockets", "W4", "--rooms", size // 20) for size in idle], chat, fresh=True),
            Workload("W5", [case(f"{20 * rooms} sockets", "W5", "--rooms", rooms)], {"switchboard": ours}),
            Workload(
                "W6",
                [case("32 connections", "W6")],
                {
                    "switchboard": Switchboard(rooms=1, history=50),
                    "switchboard, 2 workers": Switchboard(rooms=1, history=50, workers=2),
                    **PAGES,
                },
            ),
            Workload("W7", [case(f"{rooms} rooms", "W2", *in_all_rooms)], _pools(quick=quick)),
            _growth(rooms, times),
        )
    }


def _pools(*, quick: bool) -> dict[str, System]:
    numbers = [(1, 1)] if quick else [(interfaces, workers) for interfaces in (1, 2) for workers in (1, 2, 4)]
    pools = [Switchboard(interfaces=interfaces, workers=workers) for interfaces, workers in numbers]
    return {pool.processes(): pool for pool in pools}


def _growth(rooms: int, times: Sequence[str]) -> Workload:
    """As many messages under way in ten times the rooms, each with ten times the past."""
    cases, systems = [], {}
    for factor in (1, 10):
        name = f"{factor * rooms} rooms with {factor * HISTORY} messages each"
        systems[name] = Switchboard(rooms=factor * rooms, history=factor * HISTORY)
        words = ["W2", "--rooms", str(factor * rooms), "--under-way", str(rooms), *times]
        cases.append(Case(f"{rooms} under way", words, only=name))
    return Workload("W8", cases, dict(systems))
