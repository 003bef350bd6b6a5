"""This interface's inbox: entries whose numbers follow each other without a hole, or an exception that says why not.

Once it is open, it is either what it was, or `read` and `beat` raise. That the numbers go on proves nothing when the
server has started anew with old data: workers may have appended just enough. So after any interruption ask `beat`,
which knows the server's identity, before taking what `read` gives.

What was taken is dropped by the next read once it is `DROP_BYTES` or more, else by the next heartbeat. So senders that
wait until this interface has read what was sent wait for one read only, and a read for a single message asks for
nothing else.

A read is bounded in entries, since Redis cannot bound it in bytes. `ReadSize` chooses their number so that entries as
large as the largest of the read before make `READ_BYTES`, and are at most twice as many. Where large entries follow
small ones one read may exceed that, by no more than an inbox holds (``inbox_bytes`` of the layer's ``CONFIG``).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from switchboard.events import InboxEntry
from switchboard.exceptions import InboxRemoved
from switchboard.interface.recovery import DataLost, Hole
from switchboard.layers.base import MAX_READ, Layer
from switchboard.names import new_interface

__all__ = ["Inbox"]

logger = logging.getLogger(__name__)

#: Bytes that were taken, from which on a read drops them. Less than a part of a response (256 KiB), so that each of
#: those is dropped at once; more than the messages of several reads.
DROP_BYTES: Final = 64 * 1024
#: Bytes that a read should have at most.
READ_BYTES: Final = 1024 * 1024
#: Entries that a read asks for when few came last.
FIRST_READ: Final = 32


class ReadSize:
    """The number of entries to ask for, from the sizes of those that came last."""

    def __init__(self) -> None:
        self.entries = FIRST_READ

    def learn(self, entries: Sequence[InboxEntry]) -> None:
        """Adapt to what a read returned: entries as large as these have to fit, and twice as many may come next."""
        largest = max((entry.size for entry in entries), default=0)
        fit = max(1, READ_BYTES // max(1, largest))
        self.entries = min(fit, max(FIRST_READ, 2 * len(entries)), MAX_READ)


class Inbox:
    """One for each process; it changes its name when the process starts over."""

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        self.name = new_interface()
        #: The number of the last entry that was taken.
        self.taken = 0
        #: The number of the last entry that is known to have been written.
        self.last = 0
        self.run_id = ""
        self._undropped = 0
        self._read_size = ReadSize()

    def rename(self) -> None:
        """Be another interface from now on."""
        self.name = new_interface()
        self.run_id = ""

    async def open(self) -> str:
        """Make it, empty; returns the identity of the server's data, for `opened`.

        Raises:
            LayerUnavailable: it may be open or not.
        """
        return (await self._layer.open_inbox(self.name)).run_id

    def opened(self, run_id: str) -> None:
        """What follows is in the new inbox."""
        self.taken = self.last = self._undropped = 0
        self.run_id = run_id

    async def read(self, *, wait: float) -> Sequence[InboxEntry]:
        """What comes next, within ``wait`` seconds. Take each by `take`.

        Raises:
            Hole: entries are missing.
            LayerUnavailable: try again.
        """
        promised = self.last
        drop = self._undropped >= DROP_BYTES
        entries = await self._layer.read_inbox(
            self.name, self.taken, wait=wait, count=self._read_size.entries, drop=drop
        )
        if drop:
            self._undropped = 0
        self._read_size.learn(entries)
        if not entries and self.taken < promised:
            raise Hole(f"{self.name} ends at {self.taken} instead of {promised}")
        return entries

    def take(self, entry: InboxEntry) -> None:
        """Raises Hole if another entry was to come before this one."""
        if entry.number != self.taken + 1:
            raise Hole(f"{self.name} goes on at {entry.number} after {self.taken}")
        self.taken = entry.number
        self._undropped += entry.size

    async def beat(self) -> None:
        """Show that this interface lives, and learn whether all is as it was.

        Raises:
            Hole: it was removed because this interface fell too far behind; what was in it is lost, and nothing else.
            InboxLost: it is gone.
            DataLost: the server's data are others.
            LayerUnavailable: nothing is known.
        """
        taken = self.taken
        try:
            beat = await self._layer.beat(self.name, taken)
        except InboxRemoved as removed:
            logger.warning("the inbox of %s was removed: it held more unread bytes than it may", self.name)
            raise Hole(f"{self.name} is read from its beginning again") from removed
        if beat.run_id != self.run_id or beat.last < taken:
            raise DataLost(f"{self.name} met other data")
        self.last = max(self.last, beat.last)
