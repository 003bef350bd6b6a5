"""The layer on one host, which may be one of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from switchboard.events import Output
from switchboard.exceptions import ChannelFull, InboxFull
from switchboard.layers.capacity import Capacities
from switchboard.layers.redis.connections import Connections
from switchboard.layers.redis.dead_letters import DeadLetters
from switchboard.layers.redis.homes import Homes
from switchboard.layers.redis.interface_side import InterfaceSide
from switchboard.layers.redis.keys import Keys
from switchboard.layers.redis.recovery import Recovery
from switchboard.layers.redis.relay import Relay
from switchboard.layers.redis.wire import Wire, pack
from switchboard.layers.redis.worker_side import WorkerSide


class Host(InterfaceSide, WorkerSide, Recovery, DeadLetters):
    """What interfaces at home here ask, and what workers ask about them. Outputs reach the other hosts too."""

    crosses_processes: ClassVar[bool] = True

    def __init__(
        self, place: int, hosts: Mapping[int, Connections], keys: Keys, capacities: Capacities, wire: Wire
    ) -> None:
        self._place = place
        self._homes = Homes(len(hosts))
        self._redis = hosts[place]
        self._relay = Relay(place, hosts, keys)
        self._keys = keys
        self._capacities = capacities
        self._wire = wire

    async def publish(self, outputs: Sequence[Output], *, window: int | None = None) -> None:
        """Envelopes for channels that are at home elsewhere are sent on without a look at their capacity."""
        words, reached = self._outputs(outputs)
        full = await self._run("publish", "" if window is None else window, pack(words))
        if full is not None:
            kind, name = full
            raise (InboxFull if kind == b"inbox" else ChannelFull)(name.decode())
        await self._relay.carry(reached)

    async def has_room(self, channel: str) -> bool:
        capacity = self._capacities.of(channel)
        return bool(await self._run("has_room", channel, capacity.messages, capacity.size))

    async def depth(self, channel: str) -> int:
        return int(await self._redis.command("XLEN", self._keys.stream(channel)))

    async def verify(self) -> None:
        await self._redis.command("PING")

    async def flush(self) -> None:
        cursor = b"0"
        while True:
            cursor, keys = await self._redis.command("SCAN", cursor, "MATCH", self._keys.everything, "COUNT", 1000)
            if keys:
                await self._redis.command("UNLINK", *keys)
            if cursor == b"0":
                return

    async def close(self) -> None:
        await self._redis.close()
