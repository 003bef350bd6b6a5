"""A result as tables: first how we compare, then what everybody did.

A ratio is ours by theirs. Where more is better it should be high, where less is better it should be low; a row says
which. Socket.IO is compared with in the better of its two settings, and so is Channels where both layers are meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.results import Results
from benchmarks.workloads import WORKLOADS

__all__ = ["FIGURES", "NOTHING", "OURS", "RIVALS", "Table", "is_rung", "number", "ratios", "tables"]

OURS = "switchboard"
#: With whom we are compared, under which title.
RIVALS = {
    "Channels 4 core": ("channels-core",),
    "the better Channels 4": ("channels-core", "channels-pubsub"),
    "python-socketio": ("python-socketio",),
    "Socket.IO on Node": ("socket.io", "socket.io-one"),
    "Daphne alone": ("daphne",),
}
NOTHING = "—"

Row = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """Cells are text already."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def as_text(self) -> str:
        lines = [self.columns, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.columns))]
        text = [self.title, *("  ".join(map(_aligned, line, widths, range(len(line)))).rstrip() for line in lines)]
        return "\n".join(text)

    def as_markdown(self) -> str:
        def line(cells: Sequence[str]) -> str:
            return f"| {' | '.join(cells)} |"

        rule = line(["---", *("---:" for _ in self.columns[1:])])
        return "\n".join([f"**{self.title}**", "", line(self.columns), rule, *map(line, self.rows)])


def _aligned(cell: str, width: int, column: int) -> str:
    return cell.rjust(width) if column else cell.ljust(width)


# -- how we compare


@dataclass(frozen=True)
class Figure:
    """One number of a row of results."""

    title: str
    of: Callable[[Row], float | None]
    more_is_better: bool


def _latency(name: str) -> Callable[[Row], float | None]:
    return lambda row: (row.get("latency_ms") or {}).get(name)


def _each(row: Row) -> float | None:
    """KB for each socket, of all processes."""
    kilobytes = row.get("kb_each")
    return None if kilobytes is None else round(sum(kilobytes["pss"].values()), 1)


FIGURES: dict[str, Sequence[Figure]] = {
    "W1": [Figure("deliveries/s", lambda row: row.get("deliveries_per_second"), True)],
    "W2": [Figure("messages/s", lambda row: row.get("messages_per_second"), True)],
    "W3": [Figure("p50, ms", _latency("p50"), False), Figure("p99, ms", _latency("p99"), False)],
    "W4": [Figure("KB for each socket", _each, False)],
}


def ratios(results: Results) -> Table:
    """Ours by theirs, for each workload that peers have too; of W3 only what all were asked."""
    rows = []
    for workload, figures in FIGURES.items():
        for variant in results.variants(workload):
            if workload == "W3" and "burst" not in variant:
                continue
            of_system = {row["system"]: row for row in results.of(workload, variant)}
            for figure in figures:
                rows.append(_compared(workload, variant, figure, of_system))
    better = "ours by theirs; ↑ more is better, ↓ less is better"
    return Table(f"How it compares ({better})", ["", "Switchboard", *RIVALS], rows)


def _compared(workload: str, variant: str, figure: Figure, of_system: dict[str, Row]) -> list[str]:
    ours = figure.of(of_system.get(OURS, {}))
    cells = [f"{workload}, {variant}: {figure.title} {'↑' if figure.more_is_better else '↓'}", number(ours)]
    best = max if figure.more_is_better else min
    for names in RIVALS.values():
        theirs = [value for name in names if (value := figure.of(of_system.get(name, {})))]
        cells.append(_ratio(ours, best(theirs)) if theirs and ours else NOTHING)
    return cells


def _ratio(ours: float, theirs: float) -> str:
    ratio = ours / theirs
    return f"× {ratio:.1f}" if ratio >= 10 else f"× {ratio:.2f}"


# -- what everybody did

_COLUMNS: dict[str, Callable[[Row], str]] = {
    "processes": lambda row: str(row.get("processes", "")),
    "deliveries/s": lambda row: number(row.get("deliveries_per_second")),
    "messages/s": lambda row: number(row.get("messages_per_second")),
    "pages/s": lambda row: number(row.get("pages_per_second")),
    "p50 ms": lambda row: number(_latency("p50")(row)),
    "p99 ms": lambda row: number(_latency("p99")(row)),
    "CPU ms/message": lambda row: number(row.get("cpu_ms_per_message")),
    "all connected, s": lambda row: number(row.get("connected_after")),
    "KB each, processes with sockets (RSS)": lambda row: number(row.get("kb_each", {}).get("rss", {}).get("holders")),
    "KB each, all processes (PSS)": lambda row: number(_each(row)),
    "CPU when idle, %": lambda row: _idle(row),
    "all back, s": lambda row: number(row.get("last_back_after")),
    "in sync, s": lambda row: number(row.get("in_sync_after")),
    "lost": lambda row: number(_bad(row)),
    "generator": lambda row: number(row.get("generator")),
}
_SHOWN = {
    "W1": ("processes", "deliveries/s", "p50 ms", "p99 ms", "CPU ms/message", "lost", "generator"),
    "W2": ("processes", "messages/s", "p50 ms", "p99 ms", "CPU ms/message", "lost", "generator"),
    "W3": ("processes", "messages/s", "p50 ms", "p99 ms", "lost", "generator"),
    "W4": (
        "processes",
        "all connected, s",
        "KB each, processes with sockets (RSS)",
        "KB each, all processes (PSS)",
        "CPU when idle, %",
    ),
    "W5": ("all back, s", "in sync, s", "lost"),
    "W6": ("processes", "pages/s", "p50 ms", "p99 ms", "lost", "generator"),
    "W7": ("messages/s", "p50 ms", "p99 ms", "CPU ms/message", "lost", "generator"),
    "W8": ("messages/s", "p50 ms", "p99 ms", "CPU ms/message", "lost", "generator"),
}


def tables(results: Results) -> Iterator[Table]:
    """The comparison, then a table for each variant of each workload that was measured."""
    yield ratios(results)
    for workload, what in WORKLOADS.items():
        for variant in results.variants(workload):
            if is_rung(variant):
                continue
            rows = [_cells(row, _SHOWN[workload]) for row in results.of(workload, variant)]
            yield Table(f"{workload}, {variant}: {what}", ["", *_SHOWN[workload]], rows)
        if rungs := [variant for variant in results.variants(workload) if is_rung(variant)]:
            yield _ladder(results, workload, rungs)


def is_rung(variant: str) -> bool:
    """Whether it is a rate of the ladder."""
    return variant.removesuffix("/s").isdecimal()


def _ladder(results: Results, workload: str, rungs: Sequence[str]) -> Table:
    """Everybody's latency at each rate; who had enough at one was not asked for more."""
    reached: dict[tuple[str, str], dict[str, str]] = {}
    for rung in rungs:
        for row in results.of(workload, rung):
            lost = f", {number(_bad(row))} lost" if _bad(row) else ""
            cell = f"{number(_latency('p50')(row))} / {number(_latency('p99')(row))}{lost}"
            reached.setdefault((row["title"], row["processes"]), {})[rung] = cell
    rows = [[*who, *(cells.get(rung, NOTHING) for rung in rungs)] for who, cells in reached.items()]
    return Table(f"{workload}, the ladder: p50 / p99 in ms at each rate", ["", "processes", *rungs], rows)


def _cells(row: Row, columns: Sequence[str]) -> list[str]:
    if "missing" in row:
        return [row["title"], f"not measured: {row['missing']}", *("" for _ in columns[1:])]
    return [row["title"], *(_COLUMNS[column](row) for column in columns)]


def _bad(row: Row) -> int:
    """Deliveries that did not come, pages that did not, sockets that were closed: anything that should be none."""
    return sum(row.get(name, 0) for name in ("lost", "unexpected", "refused", "closed", "broken", "twice", "resets"))


def _idle(row: Row) -> str:
    return NOTHING if "cpu_seconds" not in row else number(sum(row["cpu_seconds"].values()) / row["seconds"] * 100)


def number(value: float | None) -> str:
    """With three digits or so."""
    if value is None:
        return NOTHING
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
