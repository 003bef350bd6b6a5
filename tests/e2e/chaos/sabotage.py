"""``python -m tests.e2e.chaos.sabotage [NAME…]``: switch off one mechanism after the other, and see the checker fail.

A checker that finds nothing proves little until it has found something. Each act is one change of one line, made in a
copy of the checkout; in it chaos runs with the fault against which the mechanism is there. An act that leads to no
finding means that another mechanism stands behind this one, or that the checker is blind: `docs/reliability.md` says
which.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from switchboard.testing.processes import ROOT

SEED: Final = "7"
_NOT_COPIED = shutil.ignore_patterns(".git", ".venv*", "var", ".env", "__pycache__", ".*_cache", ".hypothesis")


@dataclass(frozen=True)
class Act:
    """In the file, the first text becomes the second; then these faults happen. ``beside``: other acts whose changes
    are made as well, since their mechanisms would stand in for this one."""

    name: str
    file: str
    old: str
    new: str
    faults: Sequence[str]
    beside: Sequence[str] = ()


ACTS: Final = (
    Act(
        "taking over from dead workers",
        "switchboard/worker/takeover.py",
        "if seconds >= self._lease]",
        "if seconds < 0]",
        ["worker-kill=3"],
    ),
    Act(
        "the owner check of the commit",
        "switchboard/layers/redis/lua/commit.lua",
        "if not held(worker, stream, tag) then return 0 end",
        "",
        ["worker-freeze=10"],
        beside=("`order > acked` of the commit", "the numbers of group messages"),
    ),
    Act(
        "`order > acked` of the commit",
        "switchboard/layers/redis/lua/commit.lua",
        "fresh = not acked or tonumber(order) > tonumber(acked)",
        "fresh = true",
        ["redis-old=3"],
        beside=("the numbers of group messages",),
    ),
    Act(
        "counting attempts",
        "switchboard/worker/dispatch.py",
        "if attempt.number > get_settings().MAX_ATTEMPTS:",
        "if attempt.number > 1_000:",
        ["deadly-message"],
    ),
    Act(
        "the numbers of group messages",
        "chat/broadcast.py",
        ", seq=line.seq)",
        ")",
        ["worker-kill=8"],
    ),
    Act(
        "repair of groups",
        "switchboard/interface/repairs.py",
        "while self._questions_left and len(self._asked) < MOST_ASKED:",
        "while False:",
        ["redis-empty=3"],
    ),
    Act(
        "recovery in place",
        "switchboard/interface/hub.py",
        "if reaped and not data_lost:",
        "if True:",
        ["redis-empty"],
    ),
    Act(
        "enqueueing again after a loss",
        "switchboard/interface/hub.py",
        "        self._sockets.recovered(data_lost=data_lost)\n",
        "",
        ["redis-empty=2"],
    ),
    Act(
        "the reaper",
        "switchboard/worker/reaper.py",
        "for interface in dead_interfaces:",
        "for interface in ():",
        ["interface-kill"],
    ),
    Act(
        "the reaper's patience",
        "switchboard/worker/reaper.py",
        "if seconds >= self._lease]",
        "if seconds >= 0.5]",
        ["storm"],
    ),
    Act(
        "looking for sockets that nobody reports",
        "chat/consumers.py",
        "sockets = presence.orphans(MAX_RECONCILED)",
        "sockets: list[str] = []",
        ["interface-kill", "redis-empty"],
    ),
    Act(
        "the identity of stored messages",
        "chat/storing.py",
        'return f"c:{cid}" if cid is not None else f"m:{message_id}"',
        "import uuid; return uuid.uuid4().hex",
        ["interface-kill=2", "worker-kill=3", "redis-empty"],
    ),
)


def main(names: Sequence[str]) -> int:
    blind = 0
    for act in ACTS:
        if not names or act.name in names:
            found = _perform(act)
            print(f"\n== without {act.name} ({', '.join(act.faults)})\n{found or 'NOTHING WAS FOUND'}", flush=True)
            blind += not found
    return int(blind > 0)


def _perform(act: Act) -> str:
    """What the checker found, the kinds and their numbers."""
    with tempfile.TemporaryDirectory(prefix="sabotage-") as name:
        copy = Path(name) / "checkout"
        shutil.copytree(ROOT, copy, ignore=_NOT_COPIED, symlinks=True)
        for each in (act, *(other for other in ACTS if other.name in act.beside)):
            file = copy / each.file
            text = file.read_text()
            assert each.old in text, f"{each.file} has changed: {each.old!r} is not in it"
            file.write_text(text.replace(each.old, each.new, 1))
        size = ["--sockets", "40", "--rate", "80", "--workers", "2", "--seed", SEED]
        haste = ["--interface-lease", "8", "--patience", "0.35"]
        command = [sys.executable, "-m", "tests.e2e.chaos", *size, *haste, "--faults", *act.faults]
        clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "DJANGO_SETTINGS_MODULE")}
        run = subprocess.run(command, cwd=copy, env=clean, capture_output=True, text=True, timeout=300, check=False)
    lines = run.stdout.splitlines()
    heads = [line for line in lines if " near " in line and not line.startswith(" ")]
    return "\n".join(heads) or run.stderr.strip()[-500:]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
