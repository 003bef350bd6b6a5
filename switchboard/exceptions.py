"""Everything Switchboard raises on purpose.

::

    SwitchboardError
    ├── ChannelFull            a named channel has reached its capacity          (also Channels' ChannelFull)
    ├── DenyConnection         a consumer refuses the handshake                  (also Channels' DenyConnection)
    ├── DeadLettered           a message was given up; what an error hook gets
    ├── NoRoute                no route takes a message
    ├── OutboxClosed           a send came after its consumer had returned       (also RuntimeError)
    ├── SessionTooLarge        a channel session outgrew its bound
    ├── ContentError           a message's content cannot go over the wire       (also TypeError)
    ├── InboxFull              an interface has not read what was sent to it; nothing was sent
    ├── InboxLost              an interface's inbox is gone: Redis lost data or the interface was reaped
    │   └── InboxRemoved       it is gone because its interface fell too far behind
    └── LayerUnavailable       the layer's server did not answer or refused
        └── UnfitServer        it is of a kind on which the layer cannot work
"""

from __future__ import annotations

from channels.exceptions import ChannelFull as _ChannelFull
from channels.exceptions import DenyConnection as _DenyConnection

__all__ = [
    "ChannelFull",
    "ContentError",
    "DeadLettered",
    "DenyConnection",
    "InboxFull",
    "InboxLost",
    "InboxRemoved",
    "LayerUnavailable",
    "NoRoute",
    "OutboxClosed",
    "SessionTooLarge",
    "SwitchboardError",
    "UnfitServer",
]


class SwitchboardError(Exception):
    """The root of the tree."""


class ChannelFull(SwitchboardError, _ChannelFull):  # type: ignore[misc]
    """A named channel holds as many messages, or bytes, as its capacity allows; nothing was sent."""

    def __init__(self, channel: str) -> None:
        super().__init__(channel)
        self.channel = channel

    def __str__(self) -> str:
        return f"channel {self.channel} is at its capacity"


class DenyConnection(SwitchboardError, _DenyConnection):  # type: ignore[misc]
    """Raised by a consumer of ``websocket.connect``: the handshake is answered with 403."""


class DeadLettered(SwitchboardError):
    """A message ended every worker that ran it and is not run again; its `on_error` hook gets this."""

    def __init__(self, attempts: int) -> None:
        super().__init__(attempts)
        #: How often it began to run.
        self.attempts = attempts

    def __str__(self) -> str:
        return f"given up after {self.attempts} attempts"


class NoRoute(SwitchboardError):
    """No route of ``CHANNEL_ROUTING`` takes this message."""

    def __init__(self, channel: str) -> None:
        super().__init__(channel)
        self.channel = channel

    def __str__(self) -> str:
        return f"no route takes this message of {self.channel}; check CHANNEL_ROUTING"


class OutboxClosed(SwitchboardError, RuntimeError):
    """A task or thread sent in the context of a consumer that has already returned, raised, or run out of time.

    What a consumer sends leaves with the acknowledgement of its message, so nothing sent later can leave with it.
    """

    def __str__(self) -> str:
        return (
            "the consumer in whose context this was sent is no longer running, so the send cannot leave with its "
            "acknowledgement: await the task or join the thread before the consumer returns, or send with "
            "immediately=True"
        )


class SessionTooLarge(SwitchboardError):
    """A channel session is larger than ``SWITCHBOARD["SESSION_BYTES"]``; it travels with every message."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(size, limit)
        self.size = size
        self.limit = limit

    def __str__(self) -> str:
        return f"the channel session has {self.size} bytes, the limit is {self.limit}"


class ContentError(SwitchboardError, TypeError):
    """A message's content holds something that is no dict, list, str, bytes, number, bool or None."""


class InboxFull(SwitchboardError):
    """The inbox of an interface holds more unread bytes than the sender allows; nothing was sent.

    The interface reads all the time, so trying again in a moment is the way to send.
    """

    def __init__(self, interface: str) -> None:
        super().__init__(interface)
        self.interface = interface

    def __str__(self) -> str:
        return f"{self.interface} has not read its inbox yet"


class InboxLost(SwitchboardError):
    """The inbox of an interface no longer exists on the server."""

    def __init__(self, interface: str) -> None:
        super().__init__(interface)
        self.interface = interface

    def __str__(self) -> str:
        return f"the inbox of {self.interface} is gone"


class InboxRemoved(InboxLost):
    """The inbox of an interface was removed because it had outgrown its bound. Nobody took the interface for dead."""

    def __str__(self) -> str:
        return f"the inbox of {self.interface} was removed: it held more unread bytes than it may"


class LayerUnavailable(SwitchboardError):
    """The layer's server is not reachable or refused the command; nothing is known of its effect."""


class UnfitServer(LayerUnavailable):
    """The layer's server is of a kind on which the layer cannot work, and nothing was done.

    Asking again is in vain until somebody changes the server or its address. So a process does not start with one,
    and one that runs already goes on asking, as with any server that is away.
    """
