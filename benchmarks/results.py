"""The result of a run: what each trial found, pooled over its repeats, in a JSON file.

Pooling keeps percentiles honest: they are read off the raw latencies of all repeats together. Rates are all messages
over all seconds. What each repeat found by itself is kept beside it, to show how much they differ.

A file can be made in pieces. A variant of a workload that is measured again replaces all that was there of it, so that
systems which are compared were measured in one run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.samples import Samples, Spread, no_samples
from benchmarks.trial import Outcome

__all__ = ["Results", "pooled"]

#: What a sum over repeats says something about.
_SUMMED = ("messages", "deliveries", "lost", "unexpected", "refused", "closed", "broken", "twice", "resets")


@dataclass
class Results:
    """Rows are dictionaries with `workload`, `variant` and `system`, and what was found."""

    head: dict[str, Any]
    rows: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def read(cls, file: Path) -> Results:
        content = json.loads(file.read_text())
        return cls(content["head"], content["rows"])

    def write(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        head = json.dumps(self.head, indent=1, ensure_ascii=False)
        rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in self.rows)  # one a line, for a diff to read
        file.write_text(f'{{"head": {head},\n"rows": [\n{rows}\n]}}\n')

    def replace(self, rows: Sequence[dict[str, Any]]) -> None:
        """These are the rows of their variants now."""
        new = {(row["workload"], row["variant"]) for row in rows}
        self.rows = [row for row in self.rows if (row["workload"], row["variant"]) not in new] + list(rows)
        self.rows.sort(key=lambda row: str(row["workload"]))

    def of(self, workload: str, variant: str | None = None) -> list[dict[str, Any]]:
        """The rows of a workload, and of one of its variants."""
        return [
            row for row in self.rows if row["workload"] == workload and (variant is None or row["variant"] == variant)
        ]

    def variants(self, workload: str) -> list[str]:
        """In the order in which they were measured."""
        return list(dict.fromkeys(str(row["variant"]) for row in self.of(workload)))


def pooled(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """One row's figures from those of its repeats."""
    found = [outcome.found for outcome in outcomes]
    row: dict[str, Any] = {**found[0]}
    row.update({name: sum(each[name] for each in found) for name in _SUMMED if name in row})
    # How many is a sum, how fast is not; a room's size and the like are the same in each.
    if "seconds" in row:
        row["seconds"] = round(sum(each["seconds"] for each in found), 3)
        for what in ("messages", "deliveries"):
            if what in row:
                row[f"{what}_per_second"] = round(row[what] / row["seconds"], 1)
    latencies = _together(outcomes)
    if (spread := Spread.of(latencies)) is not None:
        row["latency_ms"] = spread.as_json()
    for name in ("generator", "in_sync_after", "last_back_after", "connected_after"):
        if name in row:
            row[name] = max(each[name] for each in found)
    if "cpu_seconds" in row:
        row["cpu_seconds"] = _added([each["cpu_seconds"] for each in found])
    if row.get("messages") and "cpu_seconds" in row:
        row["cpu_ms_per_message"] = round(sum(row["cpu_seconds"].values()) / row["messages"] * 1000, 4)
    if "kb_each" in row:
        row["kb_each"] = {
            kind: {role: _median([each["kb_each"][kind][role] for each in found]) for role in roles}
            for kind, roles in row["kb_each"].items()
        }
    row["repeats"] = found
    return row


def _together(outcomes: Sequence[Outcome]) -> Samples:
    latencies = no_samples()
    for outcome in outcomes:
        latencies.extend(outcome.latencies)
    return latencies


def _added(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {role: round(sum(part[role] for part in parts), 3) for role in parts[0]}


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
