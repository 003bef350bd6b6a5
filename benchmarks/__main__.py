"""``python -m benchmarks``: measures this system and its peers, one after the other, and says how they compare.

``--quick`` is everything in its smallest size, to see that it runs; its figures mean nothing. A result goes into
``benchmarks/results``, and ``--page`` writes the newest one into ``docs/performance.md``.
"""

from __future__ import annotations

import argparse
import resource
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import page
from benchmarks.goals import goals
from benchmarks.machine import machine, revision, versions
from benchmarks.results import Results
from benchmarks.runner import measure
from benchmarks.systems import PAGES, SYSTEMS, Switchboard
from benchmarks.tables import tables
from benchmarks.workloads import WORKLOADS, workloads
from switchboard.testing.processes import ROOT

FOLDER = ROOT / "benchmarks" / "results"


def parsed(words: list[str] | None = None) -> argparse.Namespace:
    text = "\n".join(f"  {name}  {what}" for name, what in WORKLOADS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog=f"workloads:\n{text}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("workloads", nargs="*", metavar="W", help="which; all where none is named")
    parser.add_argument("--only", nargs="+", default=[], metavar="SYSTEM", help=", ".join([*SYSTEMS, *PAGES]))
    parser.add_argument("--variants", nargs="+", default=[], metavar="VARIANT", help='such as "200 members"')
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="that each case is measured")
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds")
    parser.add_argument("--interfaces", type=int, default=1, help="of ours, in W1 to W5")
    parser.add_argument("--workers", type=int, default=1, help="of ours, in W1 to W5")
    parser.add_argument("--quick", action="store_true", help="everything as small as it can be")
    parser.add_argument("--into", type=Path, help="the result's file; what it has of other variants stays")
    parser.add_argument("--note", default="", help="what else a reader has to know, such as what else ran there")
    parser.add_argument("--page", action="store_true", help="write the newest result into docs/performance.md, and end")
    options = parser.parse_args(words)
    if unknown := set(options.workloads) - set(WORKLOADS):
        parser.error(f"no such workload: {', '.join(sorted(unknown))}")
    return options


def main() -> None:
    options = parsed()
    if options.page:
        page.write(Results.read(options.into or max(FOLDER.glob("*.json"))))
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # or the servers would be left behind
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    results = _results(options)
    shapes = {"seconds": 0.5, "warm_up": 0.2} if options.quick else vars(options)
    ours = Switchboard(interfaces=options.interfaces, workers=options.workers)
    available = workloads(seconds=shapes["seconds"], warm_up=shapes["warm_up"], ours=ours, quick=options.quick)
    for name in options.workloads or WORKLOADS:
        rows = measure(
            available[name],
            only=options.only,
            variants=options.variants,
            repeats=1 if options.quick else options.repeats,
            say=lambda line: print(line, file=sys.stderr, flush=True),
        )
        results.replace(rows)
        if options.into is not None or not options.quick:
            results.write(_file(options))
    for table in (*tables(results), goals(results)):
        print(table.as_text(), end="\n\n")


def _file(options: argparse.Namespace) -> Path:
    return options.into or FOLDER / f"{datetime.now(UTC):%Y-%m-%d}.json"


def _results(options: argparse.Namespace) -> Results:
    head = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "revision": revision(),
        "note": options.note,
        "machine": machine(),
        "versions": {**versions(), **{name: system.versions() for name, system in SYSTEMS.items()}},
    }
    file = _file(options)
    rows = Results.read(file).rows if file.exists() and not options.quick else []
    return Results(head, rows)


if __name__ == "__main__":
    main()
