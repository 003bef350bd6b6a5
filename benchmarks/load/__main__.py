"""``python -m benchmarks.load W1 --url ws://127.0.0.1:8000``: one workload against a server that runs already.

The result goes to standard output as JSON, on the last line. With ``--marks`` the process says when it comes to a
moment of the run, and waits for a line (`benchmarks.load.marks`).
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import resource
import time
from pathlib import Path
from typing import Any

from benchmarks.load import closed, idle, paced, pages, storm
from benchmarks.load.crowd import Crowd
from benchmarks.load.dialects import DIALECTS
from benchmarks.load.flights import Flights
from benchmarks.load.marks import Marks, SpokenMarks
from benchmarks.samples import Samples, keep_samples, no_samples

#: What the names of workloads stand for; each can be set by itself too.
SHAPES: dict[str, dict[str, float]] = {
    "W1": {"rooms": 1, "members": 200, "under_way": 4},
    "W2": {"rooms": 100, "members": 5, "under_way": 100},
    "W3": {"rooms": 20, "members": 5, "rate": 80},
    "W4": {"rooms": 250, "members": 20},
    "W5": {"rooms": 100, "members": 20},
    "W6": {"connections": 32},
}


async def perform(options: argparse.Namespace, marks: Marks) -> tuple[dict[str, Any], Samples]:
    """What was found, and the raw latencies."""
    # Microseconds: two runs that began in the same second would say the same, and the second one would be repetitions.
    first_key = time.time_ns() // 1000
    if options.workload == "W4":
        shape = {"rooms": options.rooms, "members": options.members}
        found = await idle.sit(options.url, DIALECTS[options.dialect], **shape, seconds=options.seconds, marks=marks)
        return found, no_samples()
    if options.workload == "W5":
        shape = {"rooms": options.rooms, "members": options.members, "seed": options.seed, "first_key": first_key}
        return await storm.blow(options.url, **shape, marks=marks)
    if options.workload == "W6":
        times = {"warm_up": options.warm_up, "seconds": options.seconds}
        return await pages.read(options.url[0], connections=options.connections, **times, marks=marks)
    return await _talk(options, Flights(first_key), marks)


async def _talk(options: argparse.Namespace, flights: Flights, marks: Marks) -> tuple[dict[str, Any], Samples]:
    crowd = Crowd(options.url, DIALECTS[options.dialect], flights)
    await crowd.fill(options.rooms, options.members)
    gc.collect()
    gc.freeze()  # the sockets stay; looking through them again and again would be our pause, not the server's
    times = {"warm_up": options.warm_up, "seconds": options.seconds}
    try:
        if options.workload == "W3":
            moments = (
                paced.bursts(options.rate, options.rooms)
                if options.bursts
                else paced.random_moments(options.rate, options.seed)
            )
            measured = await paced.talk(crowd, flights, moments, marks=marks, **times)
        else:
            how = {"under_way": options.under_way, "all_first": options.all_first}
            measured = await closed.talk(crowd, flights, marks=marks, **how, **times)
    finally:
        await crowd.leave()
    return measured.as_json(), measured.latencies


def parsed(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("workload", choices=SHAPES)
    parser.add_argument("--url", action="append", required=True, help="ws://host:port; several take turns")
    parser.add_argument("--dialect", choices=DIALECTS, default="v1")
    parser.add_argument("--rooms", type=int)
    parser.add_argument("--members", type=int, help="in each room")
    parser.add_argument("--under-way", type=int, help="messages at any time (W1, W2)")
    parser.add_argument("--all-first", action="store_true", help="warm up until everybody has spoken (W1, W2)")
    parser.add_argument("--rate", type=float, help="messages a second (W3)")
    parser.add_argument("--bursts", action="store_true", help="one message in every room at once (W3)")
    parser.add_argument("--connections", type=int, help="that ask for pages (W6)")
    parser.add_argument("--seed", type=int, default=1, help="of everything random")
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds")
    parser.add_argument("--seconds", type=float, default=5.0, help="that are measured")
    parser.add_argument("--marks", action="store_true", help="say when something begins, and wait for a line")
    parser.add_argument("--samples", type=Path, help="file for the raw latencies: seconds, 32-bit floats")
    options = parser.parse_args(words)
    for name, value in SHAPES[options.workload].items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    return options


def main() -> None:
    options = parsed()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    found, latencies = asyncio.run(perform(options, SpokenMarks() if options.marks else Marks()))
    if options.samples is not None:
        keep_samples(latencies, options.samples)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
