"""The names of the keys which commands outside scripts need; ``lua/prelude.lua`` has all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: The consumer group of each stream.
WORKERS: Final = "workers"


@dataclass(frozen=True, slots=True)
class Keys:
    """Names under one prefix."""

    prefix: str

    def stream(self, channel: str) -> str:
        """The stream of a named channel."""
        return f"{self.prefix}:stream1:{channel}"

    def inbox(self, interface: str) -> str:
        """The stream of an interface's inbox."""
        return f"{self.prefix}:inbox1:{interface}"

    def report(self, reply_channel: str) -> str:
        """The list of what has been written of a response."""
        return f"{self.prefix}:report:{reply_channel}"

    def outgoing(self, place: int) -> str:
        """The stream of what this host has for another."""
        return f"{self.prefix}:outgoing1:{place}"

    @property
    def workers(self) -> str:
        """The hash of the workers' heartbeats."""
        return f"{self.prefix}:workers"

    @property
    def interfaces(self) -> str:
        """The hash of the interfaces' heartbeats."""
        return f"{self.prefix}:interfaces"

    @property
    def dead_letters(self) -> str:
        """The stream of the messages that were given up."""
        return f"{self.prefix}:deadletters"

    @property
    def everything(self) -> str:
        """A pattern for SCAN that matches all keys of this prefix and no other."""
        plain = "".join(f"\\{char}" if char in "*?[]^-\\" else char for char in self.prefix)
        return f"{plain}:*"
