"""`Spool`: bytes that wait between one that produces them and one that takes them, in memory or in a file.

A little waits in memory. More goes to a temporary file without a name, which is gone when the process is, however it
ends. Once everything was taken the file is empty again and the memory is used; so a stream whose reader keeps up never
touches a disk, and the file of one whose reader does not is as long as the reader was behind, and not as the stream is.
"""

from __future__ import annotations

import tempfile
from collections import deque
from typing import IO, Final

__all__ = ["MEMORY_BYTES", "Spool"]

#: What one spool holds in memory.
MEMORY_BYTES: Final = 256 * 1024


class Spool:
    """First in, first out. ``max_bytes`` bounds the file, not what `put` may be given; not thread-safe.

    The file is a ring: where it would grow beyond ``max_bytes`` it begins again at its start, which was taken by then.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._memory: deque[bytes] = deque()
        self._in_memory = 0
        self._file: IO[bytes] | None = None
        self._in_file = 0
        self._read_at = 0

    def __len__(self) -> int:
        return self._in_memory + self._in_file

    def put(self, content: bytes) -> None:
        """Append ``content``.

        Raises:
            ValueError: it does not fit.
            OSError: the disk is full.
        """
        if not self._in_file and self._in_memory + len(content) <= MEMORY_BYTES:
            self._memory.append(content)
            self._in_memory += len(content)
            return
        if self._in_file + len(content) > self._max_bytes:
            raise ValueError(f"{len(content)} bytes do not fit behind {len(self)} of {self._max_bytes}")
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - `close` closes it
        view, at = memoryview(content), (self._read_at + self._in_file) % self._max_bytes
        while view:
            self._file.seek(at)
            written = self._file.write(view[: self._max_bytes - at])
            view, at = view[written:], (at + written) % self._max_bytes
            self._in_file += written

    def take(self, size: int) -> bytes:
        """Remove and return up to ``size`` bytes; nothing if there is nothing."""
        taken: list[bytes] = []
        while self._memory and size:
            content = self._memory.popleft()
            if len(content) > size:
                self._memory.appendleft(content[size:])
                content = content[:size]
            taken.append(content)
            self._in_memory -= len(content)
            size -= len(content)
        while self._in_file and size:
            assert self._file is not None
            self._file.seek(self._read_at)
            content = self._file.read(min(size, self._in_file, self._max_bytes - self._read_at))
            taken.append(content)
            self._in_file -= len(content)
            self._read_at = (self._read_at + len(content)) % self._max_bytes
            size -= len(content)
        if not self._in_file and self._file is not None:
            self._read_at = 0
            self._file.truncate(0)
        return taken[0] if len(taken) == 1 else b"".join(taken)

    def close(self) -> None:
        """Forget everything."""
        self._memory.clear()
        self._in_memory = self._in_file = self._read_at = 0
        if self._file is not None:
            self._file.close()
            self._file = None
