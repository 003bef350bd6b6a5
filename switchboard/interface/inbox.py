"""This interface's inbox: entries whose numbers follow each other without a hole, or an exception that says why not.

Once it is open, it is either what it was, or `read` and `beat` raise. That the numbers go on proves nothing when the
server has started anew with old data: workers may have appended just enough. So after any interruption ask `beat`,
which knows the server's identity, before taking what `read` gives.
"""

from __future__ import annotations

from collections.abc import Sequence

from switchboard.events import InboxEntry
from switchboard.interface.recovery import DataLost, Hole
from switchboard.layers.base import Layer
from switchboard.names import new_interface

__all__ = ["Inbox"]


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
        self.taken = self.last = 0
        self.run_id = run_id

    async def read(self, *, wait: float) -> Sequence[InboxEntry]:
        """What comes next, within ``wait`` seconds. Take each by `take`.

        Raises:
            Hole: entries are missing.
            LayerUnavailable: try again.
        """
        promised = self.last
        entries = await self._layer.read_inbox(self.name, self.taken, wait=wait)
        if not entries and self.taken < promised:
            raise Hole(f"{self.name} ends at {self.taken} instead of {promised}")
        return entries

    def take(self, entry: InboxEntry) -> None:
        """Raises Hole if another entry was to come before this one."""
        if entry.number != self.taken + 1:
            raise Hole(f"{self.name} goes on at {entry.number} after {self.taken}")
        self.taken = entry.number

    async def beat(self) -> None:
        """Show that this interface lives, and learn whether all is as it was.

        Raises:
            InboxLost: it is gone.
            DataLost: the server's data are others.
            LayerUnavailable: nothing is known.
        """
        taken = self.taken
        beat = await self._layer.beat(self.name, taken)
        if beat.run_id != self.run_id or beat.last < taken:
            raise DataLost(f"{self.name} met other data")
        self.last = max(self.last, beat.last)
