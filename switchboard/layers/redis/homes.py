"""Which host is home to what, where there are several.

An interface has one home: its inbox, the records of its sockets, its requests and what its sockets send are all there,
so whatever has to be atomic is on one host. A group is everywhere, each host knowing the members at home there. A
message of no socket goes to the home of its channel, so that the channel keeps its order and its capacity.

A home follows from the name alone, the same in all processes as long as all name the hosts in the same order.
"""

from __future__ import annotations

from collections.abc import Collection
from zlib import crc32

from switchboard.events import Envelope, GroupMessage, Output, Tip
from switchboard.names import interface_of


class Homes:
    """Places, from 0, on ``count`` hosts."""

    def __init__(self, count: int) -> None:
        self.count = count

    def of_name(self, name: str) -> int:
        """The home of an interface, or of a named channel."""
        return crc32(name.encode()) % self.count

    def of_socket(self, reply_channel: str) -> int:
        """The home of a socket or a request, which is that of its interface."""
        return self.of_name(interface_of(reply_channel))

    def of(self, output: Output) -> Collection[int]:
        """Where an output has to arrive."""
        if self.count == 1:
            return (0,)
        if isinstance(output, (GroupMessage, Tip)):
            return range(self.count)
        if isinstance(output, Envelope):
            return (self.of_name(output.channel) if output.socket is None else self.of_socket(output.socket),)
        return (self.of_socket(output.channel),)
