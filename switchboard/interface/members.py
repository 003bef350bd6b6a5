"""Which sockets of this interface are in which group.

The layer knows only that this interface has members of a group; who they are is known here alone. So a group's message
reaches a process once, and joining a group that has a member here already costs nobody anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator


class Members:
    """Groups and their members, from both sides. Members keep the order in which they joined."""

    def __init__(self) -> None:
        self._members: dict[str, dict[str, None]] = {}
        self._groups: dict[str, set[str]] = {}

    def join(self, group: str, channel: str) -> None:
        """Joining twice is joining once."""
        self._members.setdefault(group, {})[channel] = None
        self._groups.setdefault(channel, set()).add(group)

    def leave(self, group: str, channel: str) -> None:
        """Leaving a group one is not in does nothing."""
        if members := self._members.get(group):
            members.pop(channel, None)
            if not members:
                del self._members[group]
        if groups := self._groups.get(channel):
            groups.discard(group)
            if not groups:
                del self._groups[channel]

    def groups_of(self, channel: str) -> Collection[str]:
        """The groups that a socket is in."""
        return tuple(self._groups.get(channel, ()))

    def of(self, group: str) -> Collection[str]:
        """The members at this moment."""
        return tuple(self._members.get(group, ()))

    def __contains__(self, group: str) -> bool:
        return group in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)
