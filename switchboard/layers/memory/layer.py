"""The layer that is named in ``CHANNEL_LAYERS``: its settings, and what both sides may call."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from switchboard.events import Envelope, Output
from switchboard.exceptions import ChannelFull
from switchboard.layers.capacity import DEFAULT_CAPACITY, Capacities, log_over_capacity
from switchboard.layers.drop_in import ChannelsLayer
from switchboard.layers.expiry import Expiry
from switchboard.layers.memory.dead_letters import DeadLetters
from switchboard.layers.memory.interface_side import InterfaceSide
from switchboard.layers.memory.recovery import Recovery
from switchboard.layers.memory.state import State
from switchboard.layers.memory.worker_side import WorkerSide
from switchboard.layers.serialization import Serializer


class MemoryLayer(InterfaceSide, WorkerSide, Recovery, DeadLetters, ChannelsLayer):
    """``CONFIG``: ``capacity``, ``channel_capacity``, ``expiry``, ``group_expiry``.

    Raises:
        ImproperlyConfigured: one has a value that can't be used.
    """

    crosses_processes: ClassVar[bool] = False

    def __init__(
        self,
        capacity: int = DEFAULT_CAPACITY,
        channel_capacity: Mapping[Any, int] | None = None,
        expiry: float | None = None,
        group_expiry: float | None = None,
    ) -> None:
        super().__init__(Capacities(capacity, channel_capacity), Expiry.of_config(expiry, group_expiry))
        self._copy = Serializer().copy
        self._lock = threading.Lock()
        self._state = self._empty()

    def _empty(self) -> State:
        return State(self._capacities, self._expiry.groups)

    async def publish(self, outputs: Sequence[Output]) -> None:
        outputs = [self._copied(output) for output in outputs]
        with self._lock:
            for output in outputs:
                if isinstance(output, Envelope) and not self._state.make_room(output.channel):
                    raise ChannelFull(output.channel)
            over = self._state.deliver(outputs)
        log_over_capacity(over)

    async def has_room(self, channel: str) -> bool:
        with self._lock:
            return self._state.make_room(channel)

    async def depth(self, channel: str) -> int:
        with self._lock:
            return len(self._state.channels.get(channel, ()))

    async def verify(self) -> None:
        """There is no server."""

    async def flush(self) -> None:
        self._forget_mail()
        with self._lock:
            self._state = self._empty()

    async def close(self) -> None:
        await self._close_mail()
