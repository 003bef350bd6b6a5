"""Where and with what it was measured."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

from switchboard import private_redis
from switchboard.testing.processes import ROOT

__all__ = ["machine", "revision", "versions"]


def machine() -> dict[str, str | int]:
    """Cores, memory, processor, system."""
    return {
        "cores": os.cpu_count() or 0,
        "processor": _processor(),
        "memory_mb": psutil.virtual_memory().total // 2**20,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """What all systems share."""
    redis = subprocess.run([private_redis.find_redis_server(), "--version"], capture_output=True, text=True, check=True)
    return {
        "python": platform.python_version(),
        "redis-server": dict(word.partition("=")[::2] for word in redis.stdout.split()).get("v", ""),
        "sqlite": sqlite3.sqlite_version,
        "picows": version("picows"),
    }


def revision() -> str:
    """The commit that was measured; with a plus sign where the checkout differs from it."""
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return found.stdout.strip()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()
