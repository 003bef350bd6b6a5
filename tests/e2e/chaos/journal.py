"""What the consumers write down: which sockets came and went, as lines in a file of each worker's own.

A line is one write to a file that is open for appending, so a worker that is killed leaves whole lines. It is written
when the consumer runs, before its commit: a connect that ran counts even where its worker died right then.

Clients name their sockets by the query string, ``?socket=<id>``; the reply channel is the server's own name of it.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.e2e.chaos.history import Journal

#: The variable that names the folder to the workers.
VARIABLE = "CHAOS_JOURNAL"


def write(*words: str) -> None:
    """Add a line to this process' file."""
    path = Path(os.environ[VARIABLE]) / f"{os.getpid()}.log"
    with path.open("ab", buffering=0) as file:
        file.write(" ".join(words).encode() + b"\n")


def read(folder: Path) -> Journal:
    connects: dict[str, str] = {}
    disconnects: list[str] = []
    for path in sorted(folder.glob("*.log")):
        for line in path.read_text().splitlines():
            event, *words = line.split(" ")
            if event == "connect":
                connects[words[0]] = words[1]
            else:
                disconnects.append(words[0])
    return Journal(connects, tuple(disconnects))
