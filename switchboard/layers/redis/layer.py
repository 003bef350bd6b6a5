"""The layer that is named in ``CHANNEL_LAYERS``: its settings, and what both sides may call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from channels_redis.utils import decode_hosts
from django.core.exceptions import ImproperlyConfigured

from switchboard.events import Output
from switchboard.exceptions import ChannelFull
from switchboard.layers.capacity import DEFAULT_CAPACITY, Capacities
from switchboard.layers.redis.connections import Connections
from switchboard.layers.redis.dead_letters import DeadLetters
from switchboard.layers.redis.interface_side import InterfaceSide
from switchboard.layers.redis.keys import Keys
from switchboard.layers.redis.recovery import Recovery
from switchboard.layers.redis.wire import Wire
from switchboard.layers.redis.worker_side import WorkerSide
from switchboard.layers.serialization import Serializer


class RedisLayer(InterfaceSide, WorkerSide, Recovery, DeadLetters):
    """``CONFIG``, with the keys of channels-redis: ``hosts``, ``prefix``, ``capacity``, ``channel_capacity``,
    ``symmetric_encryption_keys``, ``serializer_format``.

    ``expiry`` and ``group_expiry`` are accepted and have no meaning here: what is not acknowledged does not expire.

    Raises:
        ImproperlyConfigured: a key is unknown or has a value that can't be used.
    """

    crosses_processes: ClassVar[bool] = True

    def __init__(
        self,
        hosts: Sequence[Any] | None = None,
        prefix: str = "switchboard",
        capacity: int = DEFAULT_CAPACITY,
        channel_capacity: Mapping[str, int] | None = None,
        symmetric_encryption_keys: Sequence[str] = (),
        serializer_format: str = "msgpack",
        expiry: float | None = None,
        group_expiry: float | None = None,
        **unknown: Any,
    ) -> None:
        if unknown:
            raise ImproperlyConfigured(f"The Redis layer's CONFIG has no {', '.join(map(repr, unknown))}.")
        if not prefix:
            raise ImproperlyConfigured("The Redis layer's prefix has at least one character.")
        self._redis = Connections(_only_host(hosts))
        self._keys = Keys(prefix)
        self._capacities = Capacities(capacity, channel_capacity)
        self._wire = Wire(_serializer(serializer_format, symmetric_encryption_keys))

    async def publish(self, outputs: Sequence[Output]) -> None:
        full: bytes | None = await self._run("publish", *self._wire.outputs(outputs, self._capacities.of))
        if full is not None:
            raise ChannelFull(full.decode())

    async def has_room(self, channel: str) -> bool:
        return await self.depth(channel) < self._capacities.of(channel)

    async def depth(self, channel: str) -> int:
        return int(await self._redis.command("XLEN", self._keys.stream(channel)))

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


def _only_host(hosts: Sequence[Any] | None) -> Mapping[str, Any]:
    try:
        decoded: list[Mapping[str, Any]] = decode_hosts(hosts)
    except ValueError as error:
        raise ImproperlyConfigured(f"The Redis layer's hosts: {error}") from error
    if len(decoded) != 1:
        raise ImproperlyConfigured(f"The Redis layer works with one host so far, but its hosts name {len(decoded)}.")
    return decoded[0]


def _serializer(serializer_format: str, keys: Sequence[str]) -> Serializer:
    try:
        return Serializer(serializer_format, keys)
    except KeyError as error:
        raise ImproperlyConfigured(f"The Redis layer has no serializer_format {serializer_format!r}.") from error
    except ValueError as error:
        raise ImproperlyConfigured(f"The Redis layer's symmetric_encryption_keys: {error}") from error
