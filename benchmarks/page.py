"""Writes a result into ``docs/performance.md``, between its markers, and its plots into ``docs/images``."""

from __future__ import annotations

from pathlib import Path

from benchmarks.charts import Line, bars, lines
from benchmarks.goals import goals
from benchmarks.results import Results
from benchmarks.tables import is_rung, tables
from benchmarks.workloads import WORKLOADS
from switchboard.testing.processes import ROOT

__all__ = ["between_markers", "plots", "write"]

PAGE = ROOT / "docs" / "performance.md"
IMAGES = ROOT / "docs" / "images"
BEGIN, END = "<!-- results -->", "<!-- end of results -->"


def write(results: Results, page: Path = PAGE, images: Path = IMAGES) -> None:
    """Replace what the page says of results by these."""
    drawn = plots(results)
    for name, drawing in drawn.items():
        (images / f"{name}.svg").write_text(drawing)
    first, *rest = [table.as_markdown() for table in tables(results)]
    images_of = [f"![{name.replace('-', ' ')}](images/{name}.svg)" for name in drawn]
    written = "\n\n".join([_head(results), first, goals(results).as_markdown(), *images_of, *rest])
    page.write_text(between_markers(page.read_text(), written))


def between_markers(text: str, written: str) -> str:
    """The text with what stands between its markers replaced. Raises ValueError where they are missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{BEGIN} and {END} are to be in the page")
    return f"{before}{BEGIN}\n\n{written}\n\n{END}{after}"


def _head(results: Results) -> str:
    head = results.head
    machine = head["machine"]
    where = f"{machine['cores']} cores ({machine['processor']}), {machine['memory_mb'] // 1024} GB, {machine['system']}"
    versions: dict[str, str] = {}
    for name, value in head["versions"].items():
        versions.update(value if isinstance(value, dict) else {name: value})
    everything = ", ".join(f"{name} {version}" for name, version in sorted(versions.items(), key=_by_name))
    said = f"Measured on {head['date']}, commit {head['revision']}, on {where}. With {everything}."
    missing = [workload for workload in WORKLOADS if not results.of(workload)]
    remarks = [head.get("note", ""), f"Not measured: {', '.join(missing)}." if missing else ""]
    return " ".join(filter(None, [said, *remarks]))


def _by_name(item: tuple[str, str]) -> str:
    return item[0].lower()


def plots(results: Results) -> dict[str, str]:
    """SVGs by name; none for what was not measured."""
    drawn = {}
    for workload, name, figure, unit in (
        ("W1", "one-room", "deliveries_per_second", "deliveries/s"),
        ("W2", "many-rooms", "messages_per_second", "messages/s"),
    ):
        variants = results.variants(workload)
        rows = [row for row in results.of(workload, variants[0]) if figure in row] if variants else []
        if rows:
            values = [(f"{row['title']} ({row['processes']})", float(row[figure])) for row in rows]
            drawn[name] = bars(f"{workload}, {variants[0]}", unit, values)
    for percentile in ("p50", "p99"):
        curves = _ladder(results, percentile)
        if curves:
            drawn[f"latency-{percentile}"] = lines(
                f"W3: {percentile} of the latency by rate", "messages/s that were to be sent", "ms", curves
            )
    return drawn


def _ladder(results: Results, percentile: str) -> list[Line]:
    """A line for each system, over the rates that it was asked."""
    curves: dict[str, list[tuple[float, float]]] = {}
    for variant in results.variants("W3"):
        if not is_rung(variant):
            continue
        for row in results.of("W3", variant):
            if row.get("latency_ms"):
                title = f"{row['title']} ({row['processes']})"
                curves.setdefault(title, []).append((float(variant.removesuffix("/s")), row["latency_ms"][percentile]))
    return [Line(title, points) for title, points in curves.items()]
