"""The layer that is named in ``CHANNEL_LAYERS``: its settings, and what both sides may call."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import ClassVar

from switchboard.events import Envelope, Leave, Output, Reply
from switchboard.exceptions import ChannelFull, InboxFull
from switchboard.layers.capacity import DEFAULT_CAPACITY, DEFAULT_CAPACITY_BYTES, DEFAULT_INBOX_BYTES, Capacities
from switchboard.layers.drop_in import ChannelsLayer
from switchboard.layers.memory.dead_letters import DeadLetters
from switchboard.layers.memory.interface_side import InterfaceSide
from switchboard.layers.memory.recovery import Recovery
from switchboard.layers.memory.state import Entry, State
from switchboard.layers.memory.worker_side import WorkerSide
from switchboard.layers.serialization import Serializer
from switchboard.names import interface_of


class MemoryLayer(InterfaceSide, WorkerSide, Recovery, DeadLetters, ChannelsLayer):
    """``CONFIG``: the bounds of `capacity`, which are ``capacity``, ``channel_capacity``, ``capacity_bytes``,
    ``channel_capacity_bytes`` and ``inbox_bytes``."""

    crosses_processes: ClassVar[bool] = False

    def __init__(
        self,
        capacity: int = DEFAULT_CAPACITY,
        channel_capacity: Mapping[str, int] | None = None,
        capacity_bytes: int = DEFAULT_CAPACITY_BYTES,
        channel_capacity_bytes: Mapping[str, int] | None = None,
        inbox_bytes: int = DEFAULT_INBOX_BYTES,
    ) -> None:
        self._capacities = Capacities(capacity, channel_capacity, capacity_bytes, channel_capacity_bytes, inbox_bytes)
        serializer = Serializer()
        self._copy = serializer.copy
        self._measure = lambda value: len(serializer.dumps(value))
        self._lock = threading.Lock()
        self._state = self._empty_state()

    def _empty_state(self) -> State:
        return State(self._capacities, self._measure)

    async def publish(self, outputs: Sequence[Output], *, window: int | None = None) -> None:
        outputs = [self._copied(output) for output in outputs]
        with self._lock:
            self._check_room(outputs, window)
            self._state.deliver(outputs)

    def _check_room(self, outputs: Sequence[Output], window: int | None) -> None:
        sizes: Counter[str] = Counter()  # of channels and of interfaces
        for output in outputs:
            if isinstance(output, Envelope):
                sizes[output.channel] += Entry(output, self._measure).size
                if not self._state.room(output.channel, sizes[output.channel]):
                    raise ChannelFull(output.channel)
            elif window is not None and isinstance(output, (Reply, Leave)):
                interface = interface_of(output.channel)
                sizes[interface] += self._state.size_of(output)
                inbox = self._state.inboxes.get(interface)
                if inbox is not None and not inbox.has_room(sizes[interface], window):
                    raise InboxFull(interface)

    async def has_room(self, channel: str) -> bool:
        with self._lock:
            return self._state.room(channel)

    async def depth(self, channel: str) -> int:
        with self._lock:
            return len(self._state.channels.get(channel, ()))

    async def verify(self) -> None:
        """There is no server."""

    async def flush(self) -> None:
        self._forget_mail()
        with self._lock:
            self._state = self._empty_state()

    async def close(self) -> None:
        """Nothing is held for a loop."""
