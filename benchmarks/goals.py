"""What the figures should be: a floor that must be reached, and an aim beyond it.

Each is a ratio to a rival measured in the same run, or a plain number, with a bound above or below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.results import Results
from benchmarks.tables import FIGURES, NOTHING, OURS, RIVALS, Table, number

__all__ = ["goals"]


@dataclass(frozen=True)
class _Bound:
    """A measured value is to be at least, or at most, so much."""

    limit: float
    at_least: bool = False

    def says(self, value: float | None) -> str:
        text = f"{'≥' if self.at_least else '≤'} {self.limit:g}"
        if value is None:
            return text
        return f"{text}: {'met' if (value >= self.limit if self.at_least else value <= self.limit) else 'missed'}"


@dataclass(frozen=True)
class _Goal:
    title: str
    of: Callable[[Results], float | None]
    floor: _Bound | None = None
    aim: _Bound | None = None

    def cells(self, results: Results) -> list[str]:
        value = self.of(results)
        bounds = [NOTHING if bound is None else bound.says(value) for bound in (self.floor, self.aim)]
        return [self.title, number(value), *bounds]


def _ours_by(rival: str, workload: str, variant: str, figure: int = 0) -> Callable[[Results], float | None]:
    """Ours by theirs; the better one where the rival has several settings."""

    def ratio(results: Results) -> float | None:
        ours, theirs = _values(results, workload, variant, figure, [OURS], RIVALS[rival])
        return ours / theirs if ours and theirs else None

    return ratio


def _more_than(rival: str, workload: str, variant: str) -> Callable[[Results], float | None]:
    def difference(results: Results) -> float | None:
        ours, theirs = _values(results, workload, variant, 0, [OURS], RIVALS[rival])
        return ours - theirs if ours and theirs else None

    return difference


def _ours(workload: str, variant: str, name: str) -> Callable[[Results], float | None]:
    def value(results: Results) -> float | None:
        return next((row[name] for row in results.of(workload, variant) if row["system"] == OURS and name in row), None)

    return value


def _values(results: Results, workload: str, variant: str, figure: int, *groups: Iterable[str]) -> list[float | None]:
    wanted = FIGURES[workload][figure]
    best = max if wanted.more_is_better else min
    found = {row["system"]: wanted.of(row) for row in results.of(workload, variant)}
    return [best((value for name in group if (value := found.get(name))), default=None) for group in groups]


def _memory(results: Results) -> float | None:
    [ours] = _values(results, "W4", "5000 sockets", 0, [OURS])
    return ours


def _growth(results: Results) -> float | None:
    """CPU of a message with ten times the rooms and the past, by that without."""
    costs = [row["cpu_ms_per_message"] for row in results.of("W8") if "cpu_ms_per_message" in row]
    return costs[1] / costs[0] if len(costs) == 2 else None


#: 80 messages a second: one in each room at once, four times a second, or each at a random moment.
_EIGHTY = {"bursts": "80/s in bursts of 20", "random moments": "80/s"}
_GOALS = (
    _Goal("W1, 200 members: by Channels 4 core", _ours_by("Channels 4 core", "W1", "200 members"), _Bound(8, True)),
    _Goal(
        "W1, 200 members: by Socket.IO",
        _ours_by("Socket.IO on Node", "W1", "200 members"),
        _Bound(0.85, True),
        _Bound(1.3, True),
    ),
    _Goal("W2: by the better Channels 4", _ours_by("the better Channels 4", "W2", "100 rooms"), _Bound(8, True)),
    _Goal("W2: by Socket.IO", _ours_by("Socket.IO on Node", "W2", "100 rooms"), _Bound(0.75, True), _Bound(1.0, True)),
    *(
        _Goal(f"W3, {when}: {name} by {rival}", _ours_by(rival, "W3", variant, figure), floor, aim)
        for when, variant in _EIGHTY.items()
        for figure, name in enumerate(("p50", "p99"))
        for rival, floor, aim in (
            ("Channels 4 core", _Bound(0.25), None),
            ("Socket.IO on Node", None, _Bound(1.5)),
        )
    ),
    _Goal("W4, 5000 sockets: KB each", _memory, _Bound(30)),
    _Goal("W4, 5000 sockets: by Channels 4", _ours_by("the better Channels 4", "W4", "5000 sockets"), _Bound(1.0)),
    _Goal(
        "W4, 5000 sockets: KB more than Daphne alone", _more_than("Daphne alone", "W4", "5000 sockets"), aim=_Bound(3)
    ),
    _Goal("W5: s until 2,000 are in sync", _ours("W5", "2000 sockets", "in_sync_after"), _Bound(10), _Bound(4)),
    _Goal("W5: lost", _ours("W5", "2000 sockets", "lost"), _Bound(0)),
    _Goal("W8: CPU of a message, ten times the rooms and the past", _growth, _Bound(1.15)),
)


def goals(results: Results) -> Table:
    """Which are met."""
    return Table("Goals", ["", "measured", "floor", "aim"], [goal.cells(results) for goal in _GOALS])
