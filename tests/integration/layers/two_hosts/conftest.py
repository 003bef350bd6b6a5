"""Two servers, the layer over both, and each as an operator sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from redis import Redis

from switchboard.layers.redis import RedisLayer, relay
from switchboard.testing.processes import PrivateRedis


@pytest.fixture
def servers() -> Iterator[list[PrivateRedis]]:
    with PrivateRedis() as first, PrivateRedis() as second:
        yield [first, second]


@pytest.fixture(autouse=True)
def _patient_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is for the other host arrives with its commit. Else half a second in which one of the processes stands still
    would leave it to the next heartbeat, which no test waits for."""
    monkeypatch.setattr(relay, "_PATIENCE", 20.0)


@pytest.fixture
async def layer(servers: list[PrivateRedis]) -> AsyncIterator[RedisLayer]:
    layer = RedisLayer([server.url for server in servers])
    yield layer
    await layer.close()


@pytest.fixture
def shells(servers: list[PrivateRedis]) -> Iterator[list[Redis]]:
    first, second = (Redis.from_url(server.url, decode_responses=True) for server in servers)
    with first, second:
        yield [first, second]
