"""The limit of open files. A socket is a descriptor, and so is a connection to Redis.

The usual soft limit of 1,024 is for programs that wait with `select`, which knows no greater numbers. Ours do not, so
they take what the hard limit allows: a process may raise its soft limit that far by itself.
"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

if sys.platform != "win32":  # `runserver` works there too, and sockets are no files
    import resource

__all__ = ["FileLimit", "check_descriptor_left", "count_open_files", "raise_file_limit"]

#: More than any process needs. Where the hard limit is "unlimited", the kernel has a bound of its own all the same.
MOST: Final = 1024 * 1024
#: The bound of macOS, which refuses a soft limit above it.
MOST_ELSEWHERE: Final = 10_240
#: The open files of this process: their number, on Linux 6.2 and later, and a list of them.
COUNTED: Final = Path("/proc/self/fd")
LISTED: Final = Path("/dev/fd")


@dataclass(frozen=True, slots=True)
class FileLimit:
    """So many files may be open: at the start, now, and if root allows more."""

    before: int
    soft: int
    hard: int


def raise_file_limit() -> FileLimit:
    """Raise the soft limit of this process to the hard one, and return both."""
    if sys.platform == "win32":
        return FileLimit(MOST, MOST, MOST)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    before, hard = (MOST if limit == resource.RLIM_INFINITY else min(limit, MOST) for limit in limits)
    for wanted in (hard, min(hard, MOST_ELSEWHERE)):
        if wanted <= before:
            break
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, limits[1]))
            return FileLimit(before, wanted, hard)
    return FileLimit(before, before, hard)


def count_open_files() -> int:
    """How many descriptors this process has open.

    Raises:
        OSError: it cannot be counted; with EMFILE, because none is left for it.
    """
    # A list of many thousands takes a tenth of a second.
    with contextlib.suppress(OSError):
        if known := COUNTED.stat().st_size:
            return known
    return sum(1 for _ in LISTED.iterdir()) - 1  # one was open for the list itself


def check_descriptor_left() -> None:
    """Raises OSError if no file can be opened now."""
    os.close(os.open(os.devnull, os.O_RDONLY))
