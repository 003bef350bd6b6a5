"""What Channels asks of a layer, of ours and of the stock ones: each is held to what it promises, and no further.

What is left out of a class is said in its docstring, and why.
"""

from __future__ import annotations

import time
from functools import partial

import pytest
from channels.layers import InMemoryChannelLayer
from channels_redis.core import RedisChannelLayer

from switchboard.layers.memory import MemoryLayer
from switchboard.layers.redis import RedisLayer
from switchboard.names import token
from switchboard.testing.contract.channel_layers import ChannelLayerContract, MakeChannelLayer
from switchboard.testing.contract.channel_promises import (
    AcrossLoops,
    AcrossProcesses,
    CancelledReceives,
    CapacitiesByName,
    CapacityOfMembers,
    CheckedContents,
    Expiry,
    ExpiryOfNamedMembers,
    NamedMembers,
    OnceAcrossProcesses,
)
from switchboard.testing.contract.channels_consumers import ChannelsConsumerTests, ThreadedConsumerTests
from switchboard.testing.processes import PrivateRedis
from switchboard.testing.waiting import await_until


class EveryLayer(ChannelLayerContract, ChannelsConsumerTests, NamedMembers, CapacityOfMembers):
    """What there is nothing left out of."""


class OurLayer(
    EveryLayer,
    CapacitiesByName,
    CheckedContents,
    AcrossLoops,
    ThreadedConsumerTests,
    ExpiryOfNamedMembers,
    CancelledReceives,
):
    """What both of ours promise, wherever they keep things."""

    async def let_them_expire(self) -> None:
        """Ours compare parts of seconds."""
        until = time.monotonic() + self.expiry + 0.05
        await await_until(lambda: time.monotonic() > until, "what was sent has expired")


class TestMemoryLayer(OurLayer):
    """Lives in one process, as its flag `crosses_processes` says."""

    @pytest.fixture
    def make_layer(self) -> MakeChannelLayer:
        return MemoryLayer


@pytest.mark.redis
class TestRedisLayer(OurLayer, AcrossProcesses, OnceAcrossProcesses):
    @pytest.fixture
    def make_layer(self, redis_server: PrivateRedis) -> MakeChannelLayer:
        return partial(RedisLayer, hosts=[redis_server.url], prefix=f"face-{token()}")


@pytest.mark.redis
@pytest.mark.usefixtures("patient_relay")
class TestRedisLayerOnTwoHosts(OurLayer, AcrossProcesses, OnceAcrossProcesses):
    @pytest.fixture
    def make_layer(self, redis_server: PrivateRedis, second_redis_server: PrivateRedis) -> MakeChannelLayer:
        hosts = [redis_server.url, second_redis_server.url]
        return partial(RedisLayer, hosts=hosts, prefix=f"face-{token()}")


class TestStockInMemoryLayer(EveryLayer):
    """``channels.layers.InMemoryChannelLayer``.

    One process: its messages are in queues of the object. One event loop: such a queue does not wake who waits on
    another one. It carries whatever can be copied, so what could not leave the process is no error. And with a
    ``channel_capacity`` it does not work at all (4.3.2: nobody compiles the globs). What expires takes up room until
    somebody receives, and takes its channel out of all groups. Of members that were full nothing is logged.
    """

    logs_what_it_skips = False

    @pytest.fixture
    def make_layer(self) -> MakeChannelLayer:
        layer: MakeChannelLayer = InMemoryChannelLayer
        return layer


@pytest.mark.redis
class TestStockRedisLayer(
    EveryLayer, CapacitiesByName, CheckedContents, AcrossLoops, ThreadedConsumerTests, AcrossProcesses, Expiry
):
    """``channels_redis.core.RedisChannelLayer``, on one host: on several it may lose what is sent to one consumer.

    Not once only, of 500 messages three receivers got 715: what one takes lies in a backup until it is sure of it, and
    any other that begins to wait in between puts that back.
    """

    @pytest.fixture
    def make_layer(self, redis_server: PrivateRedis) -> MakeChannelLayer:
        return partial(RedisChannelLayer, hosts=[redis_server.url], prefix=f"stock-{token()}")
