"""``python -m tests.e2e.chaos``: break everything, print what people saw of it, end with 1 if they saw anything."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.e2e.chaos import report
from tests.e2e.chaos.faults import FAULTS, WITH_SENTINEL, schedule
from tests.e2e.chaos.performance import Plan, Result, perform
from tests.e2e.chaos.site import standing

#: What is to be survived: a day's worth of trouble, and more, within a quarter of an hour.
EVERYTHING: Mapping[str, int] = {
    **dict.fromkeys(FAULTS, 1),
    "worker-term": 50,
    "worker-kill": 50,
    "interface-kill": 5,
    "interface-term": 2,
    "redis-empty": 3,
    "storm": 2,
}


def main() -> int:
    options = _options()
    counts = _counts(options.faults)
    parts = [
        {kind: count for kind, count in counts.items() if (kind in WITH_SENTINEL) is sentinel}
        for sentinel in (False, True)
    ]
    results = []
    for sentinel, part in enumerate(parts):
        if part:
            results.append(_run(options, schedule(part, options.seed), sentinel=bool(sentinel)))
    return int(any(result.findings for result in results))


def _run(options: argparse.Namespace, faults: Sequence[str], *, sentinel: bool) -> Result:
    began = time.monotonic()
    seconds = options.minutes * 60 or float("inf")
    plan = Plan(options.sockets, options.rate, faults, options.seed, seconds, options.patience)
    with tempfile.TemporaryDirectory(prefix="switchboard-chaos-") as name:
        folder = Path(name)
        shape = {"interfaces": options.interfaces, "workers": options.workers}
        shares = {"unreliable": options.unreliable, "interface_lease": options.interface_lease}
        with standing(folder, **shape, **shares, sentinel=sentinel) as stage:

            def say(line: str) -> None:
                print(f"[{time.monotonic() - began:6.1f}] {line}", flush=True)

            result = asyncio.run(perform(stage, plan, say))
            if options.logs:
                options.logs.write_text(stage.logs())
    print(f"\n{report.summary(result)}\n")
    print("\n".join([*report.table(result), "", *report.excuses(result), *report.findings(result), ""]), flush=True)
    return result


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.chaos", description=__doc__)
    parser.add_argument("--sockets", type=int, default=300)
    parser.add_argument("--rate", type=float, default=200, help="messages per second, of all together (%(default)s)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    parser.add_argument("--minutes", type=float, default=0, help="begin no fault after so many; 0 for all of them")
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--interfaces", type=int, default=2)
    parser.add_argument("--unreliable", type=float, default=0, help="the share of calls to the layer that go wrong")
    parser.add_argument("--interface-lease", type=float, help="seconds, in place of the default ones")
    parser.add_argument("--patience", type=float, default=1.0, help="scales how long it waits for things to settle")
    parser.add_argument("--logs", type=Path, help="a file for what the processes wrote")
    parser.add_argument(
        "--faults", nargs="*", metavar="KIND[=TIMES]", help=f"of {', '.join(FAULTS)}; all of them if not given"
    )
    return parser.parse_args()


def _counts(words: Sequence[str] | None) -> Mapping[str, int]:
    if words is None:
        return EVERYTHING
    counts: Counter[str] = Counter()
    for word in words:
        kind, _, times = word.partition("=")
        if kind not in FAULTS:
            raise SystemExit(f"There is no fault {kind!r}; there are {', '.join(FAULTS)}.")
        counts[kind] += int(times or 1)
    return counts


if __name__ == "__main__":
    sys.exit(main())
