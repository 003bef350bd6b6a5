"""Runs workloads: one system after the other, never two at a time, each in real processes and a fresh data folder.

The order of the systems turns by one with every repeat: whoever runs first has a machine that is cooler, or has fuller
caches, or whatever else nobody thought of.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.results import pooled
from benchmarks.systems import System, Unavailable
from benchmarks.trial import Outcome, TrialFailed, perform
from benchmarks.workloads import Case, Workload

__all__ = ["measure", "rotated", "saturated"]

#: The share of what was asked in a rung of W3 that has to be stored for the next one to be tried, and the most
#: milliseconds of its 99th percentile.
KEPT_UP = 0.95
TOO_LATE_MS = 1000.0


def measure(
    workload: Workload,
    *,
    only: Collection[str] = (),
    variants: Collection[str] = (),
    repeats: int = 1,
    say: Callable[[str], None] = print,
) -> list[dict[str, Any]]:
    """The rows of a workload, of all its systems and variants or only of some. Where something could not be measured
    the row says why."""
    names = [name for name in workload.systems if not only or name in only or workload.systems[name].name in only]
    cases = [case for case in workload.cases if not variants or case.variant in variants]
    outcomes: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    failures: dict[tuple[str, str], str] = {}
    for repeat in range(repeats):
        for name in rotated(names, repeat):
            for group in _groups(workload, [case for case in cases if case.only in ("", name)]):
                say(f"{workload.name} {name}, {repeat + 1} of {repeats}")
                try:
                    for case, outcome in _trials(workload.systems[name], group):
                        outcomes[case.variant, name].append(outcome)
                        say(f"    {case.variant}: {_summary(outcome.found)}")
                except (Unavailable, TrialFailed, AssertionError, OSError) as error:
                    failures[group[0].variant, name] = str(error).partition("\n")[0]
                    say(f"    not measured: {error}")
    rows = [{**_who(workload, *key), **pooled(of_case)} for key, of_case in outcomes.items()]
    rows += [{**_who(workload, *key), "missing": why} for key, why in failures.items() if key not in outcomes]
    order = [case.variant for case in workload.cases]
    return sorted(rows, key=lambda row: (order.index(row["variant"]), names.index(row["system"])))


def _groups(workload: Workload, cases: Sequence[Case]) -> list[Sequence[Case]]:
    """Cases that share one start of the system."""
    return [[case] for case in cases] if workload.fresh else [cases] if cases else []


def _trials(system: System, cases: Sequence[Case]) -> Iterator[tuple[Case, Outcome]]:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, system.running(Path(folder)) as running:
        for case in cases:
            outcome = perform(running, case.words)
            yield case, outcome
            if case.rung and saturated(outcome.found):
                break


def _who(workload: Workload, variant: str, name: str) -> dict[str, Any]:
    system = workload.systems[name]
    title = system.title if name == system.name else name
    return {
        "workload": workload.name,
        "variant": variant,
        "system": name,
        "title": title,
        "processes": system.processes(),
    }


def rotated(names: Sequence[str], by: int) -> list[str]:
    """The same names, beginning with another one each time."""
    first = by % len(names) if names else 0
    return [*names[first:], *names[:first]]


def saturated(found: dict[str, Any]) -> bool:
    """Whether an open loop asked for more than the system could do."""
    latency, asked = found["latency_ms"], found["lateness_ms"]["count"]
    return latency is None or found["messages"] < KEPT_UP * asked or latency["p99"] > TOO_LATE_MS


def _summary(found: dict[str, Any]) -> str:
    latency = found.get("latency_ms") or {}
    words = [
        f"{found[name]:,} {title}"
        for name, title in (
            ("deliveries_per_second", "deliveries/s"),
            ("messages_per_second", "messages/s"),
            ("pages_per_second", "pages/s"),
            ("connected_after", "s to connect"),
            ("in_sync_after", "s to be in sync"),
        )
        if name in found
    ]
    words += [f"{name} {latency[name]:,} ms" for name in ("p50", "p99") if name in latency]
    words += [f"{found[name]} {name}" for name in ("lost", "refused", "closed", "broken", "twice") if found.get(name)]
    if "kb_each" in found:
        words.append(f"{found['kb_each']['pss']} KB each")
    return ", ".join(words)
