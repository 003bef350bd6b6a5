"""The layer that is named in ``CHANNEL_LAYERS``: its settings, and what both sides may call."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import ClassVar

from switchboard.events import Envelope, Output
from switchboard.exceptions import ChannelFull
from switchboard.layers.capacity import DEFAULT_CAPACITY, Capacities
from switchboard.layers.drop_in import ChannelsLayer
from switchboard.layers.memory.dead_letters import DeadLetters
from switchboard.layers.memory.interface_side import InterfaceSide
from switchboard.layers.memory.recovery import Recovery
from switchboard.layers.memory.state import State
from switchboard.layers.memory.worker_side import WorkerSide
from switchboard.layers.serialization import Serializer


class MemoryLayer(InterfaceSide, WorkerSide, Recovery, DeadLetters, ChannelsLayer):
    """``CONFIG``: ``capacity``, ``channel_capacity``."""

    crosses_processes: ClassVar[bool] = False

    def __init__(self, capacity: int = DEFAULT_CAPACITY, channel_capacity: Mapping[str, int] | None = None) -> None:
        self._capacities = Capacities(capacity, channel_capacity)
        self._copy = Serializer().copy
        self._lock = threading.Lock()
        self._state = State(self._capacities)

    async def publish(self, outputs: Sequence[Output]) -> None:
        outputs = [self._copied(output) for output in outputs]
        with self._lock:
            for output in outputs:
                if isinstance(output, Envelope) and not self._state.room(output.channel):
                    raise ChannelFull(output.channel)
            self._state.deliver(outputs)

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
            self._state = State(self._capacities)

    async def close(self) -> None:
        """Nothing is held for a loop."""
