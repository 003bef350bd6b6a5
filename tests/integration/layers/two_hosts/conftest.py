"""Two servers, the layer over both, and each as an operator sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from redis import Redis

from switchboard.layers.redis import RedisLayer
from switchboard.testing.processes import PrivateRedis


@pytest.fixture
def servers() -> Iterator[list[PrivateRedis]]:
    with PrivateRedis() as first, PrivateRedis() as second:
        yield [first, second]


@pytest.fixture
async def layer(servers: list[PrivateRedis]) -> AsyncIterator[RedisLayer]:
    layer = RedisLayer([{"address": server.url, "socket_timeout": 3.0} for server in servers])
    yield layer
    await layer.close()


@pytest.fixture
def shells(servers: list[PrivateRedis]) -> Iterator[list[Redis]]:
    first, second = (Redis.from_url(server.url, decode_responses=True) for server in servers)
    with first, second:
        yield [first, second]
