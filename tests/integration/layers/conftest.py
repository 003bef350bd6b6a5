"""Layers on a Redis, and the Redis itself as an operator sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial

import pytest
from redis import Redis

from switchboard.layers.redis import RedisLayer
from switchboard.names import token
from switchboard.testing.contract.acts import MakeLayer
from switchboard.testing.processes import PrivateRedis


@pytest.fixture
def make_layer(redis_server: PrivateRedis) -> MakeLayer:
    """Layers with a prefix of this test's own on the server that the whole run shares."""
    return partial(RedisLayer, hosts=[redis_server.url], prefix=f"test-{token()}")


@pytest.fixture
async def layer(make_layer: MakeLayer) -> AsyncIterator[RedisLayer]:
    """One such layer."""
    layer = make_layer()
    assert isinstance(layer, RedisLayer)
    yield layer
    await layer.flush()
    await layer.close()


@pytest.fixture
async def lonely_layer(private_redis_server: PrivateRedis) -> AsyncIterator[RedisLayer]:
    """A layer on a server that the test may kill and flush. Patient: what is killed is noticed at once all the same."""
    layer = RedisLayer([{"address": private_redis_server.url, "socket_timeout": 20.0}])
    yield layer
    await layer.close()


@pytest.fixture
def shell(redis_server: PrivateRedis) -> Iterator[Redis]:
    """A plain client of the shared server."""
    with Redis.from_url(redis_server.url, decode_responses=True) as client:
        yield client


@pytest.fixture
def lonely_shell(private_redis_server: PrivateRedis) -> Iterator[Redis]:
    """A plain client of the test's own server."""
    with Redis.from_url(private_redis_server.url, decode_responses=True) as client:
        yield client
