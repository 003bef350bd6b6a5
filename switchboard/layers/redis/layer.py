"""The layer that is named in ``CHANNEL_LAYERS``: its settings, and what both sides may call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from channels_redis.utils import decode_hosts
from django.core.exceptions import ImproperlyConfigured

from switchboard.events import Envelope, GroupMessage, Output, Tip
from switchboard.exceptions import ChannelFull, ContentError, LayerUnavailable, UnfitServer
from switchboard.layers.capacity import DEFAULT_CAPACITY, DEFAULT_CAPACITY_BYTES, DEFAULT_INBOX_BYTES, Capacities
from switchboard.layers.drop_in import ChannelsLayer
from switchboard.layers.redis.connections import Connections
from switchboard.layers.redis.homes import Homes
from switchboard.layers.redis.host import Host
from switchboard.layers.redis.keys import Keys
from switchboard.layers.redis.several_for_workers import SeveralForWorkers
from switchboard.layers.redis.wire import Wire
from switchboard.layers.serialization import Serializer

#: Seconds in which a host that did not answer is asked last.
_AWAY: Final = 2.0
#: What any serializer has to bring over unchanged.
_BYTES: Final = {"bytes": b"\x00\xff"}


class RedisLayer(SeveralForWorkers, ChannelsLayer):
    """``CONFIG``, with the keys of channels-redis: ``hosts``, ``prefix``, ``capacity``, ``channel_capacity``,
    ``symmetric_encryption_keys``, ``serializer_format``; and with bounds in bytes, see `capacity`:
    ``capacity_bytes``, ``channel_capacity_bytes``, ``inbox_bytes``.

    Several ``hosts`` share the work; all processes have to name them in the same order, see `homes`.

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
        capacity_bytes: int = DEFAULT_CAPACITY_BYTES,
        channel_capacity_bytes: Mapping[str, int] | None = None,
        inbox_bytes: int = DEFAULT_INBOX_BYTES,
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
        super().__init__()
        self.prefix = prefix
        connections = {place: Connections(host) for place, host in enumerate(_decoded(hosts))}
        wire = Wire(_serializer(serializer_format, symmetric_encryption_keys))
        capacities = Capacities(capacity, channel_capacity, capacity_bytes, channel_capacity_bytes, inbox_bytes)
        self._homes = Homes(len(connections))
        self._hosts = [Host(place, connections, Keys(prefix), capacities, wire) for place in connections]
        self._away_until = dict.fromkeys(connections, 0.0)

    async def publish(self, outputs: Sequence[Output], *, window: int | None = None) -> None:
        """In one step on one host, which sends on what is for others.

        Group messages by themselves begin on any host. Where one does not answer another is asked, so that after a
        freeze those without a number may be there twice.
        """
        bound = [output for output in outputs if not isinstance(output, (GroupMessage, Tip))]
        envelopes = [output for output in bound if isinstance(output, Envelope)]
        if bound:
            (home,) = self._homes.of((envelopes or bound)[0])
            for envelope in envelopes:
                if home not in self._homes.of(envelope) and not await self.has_room(envelope.channel):
                    raise ChannelFull(envelope.channel)
            await self._hosts[home].publish(outputs, window=window)
        elif outputs:
            await self._publish_anywhere(outputs)

    async def _publish_anywhere(self, outputs: Sequence[Output]) -> None:
        now, turn = time.monotonic(), next(self._turns)
        places = range(len(self._hosts))
        for place in sorted(places, key=lambda place: (self._away_until[place] > now, (place + turn) % len(places))):
            try:
                await self._hosts[place].publish(outputs)
            except LayerUnavailable as error:
                away = error
                self._away_until[place] = time.monotonic() + _AWAY
            else:
                return
        raise away

    async def has_room(self, channel: str) -> bool:
        return await self._hosts[self._homes.of_name(channel)].has_room(channel)

    async def depth(self, channel: str) -> int:
        return sum(depth for _, depth in await self._ask_all(lambda host: host.depth(channel)))

    async def verify(self) -> None:
        answers = await asyncio.gather(*(host.verify() for host in self._hosts), return_exceptions=True)
        wrong = [answer for answer in answers if answer is not None]
        for error in sorted(wrong, key=lambda error: not isinstance(error, UnfitServer)):
            raise error

    async def flush(self) -> None:
        self._forget_mail()
        for host in self._hosts:
            await host.flush()

    async def close(self) -> None:
        for host in self._hosts:
            await host.close()


def _decoded(hosts: Sequence[Any] | None) -> Sequence[Mapping[str, Any]]:
    try:
        decoded: list[Mapping[str, Any]] = decode_hosts(hosts)
    except ValueError as error:
        raise ImproperlyConfigured(f"The Redis layer's hosts: {error}") from error
    return decoded


def _serializer(serializer_format: str, keys: Sequence[str]) -> Serializer:
    try:
        serializer = Serializer(serializer_format, keys)
    except KeyError as error:
        raise ImproperlyConfigured(f"The Redis layer has no serializer_format {serializer_format!r}.") from error
    except ValueError as error:
        raise ImproperlyConfigured(f"The Redis layer's symmetric_encryption_keys: {error}") from error
    try:
        carried = serializer.copy(_BYTES) == _BYTES
    except ContentError:
        carried = False
    if not carried:
        raise ImproperlyConfigured(
            f"The Redis layer's serializer_format {serializer_format!r} carries no bytes, of which headers, bodies and "
            "binary frames are made; msgpack does."
        )
    return serializer
