"""Our layers, as Channels consumers find them, and time that passes when a test says so."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest

from switchboard.layers import mailroom
from switchboard.layers.drop_in import ChannelsLayer
from switchboard.layers.memory import MemoryLayer
from switchboard.layers.redis import RedisLayer
from switchboard.names import token
from switchboard.testing.processes import PrivateRedis


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
def make_ours(request: pytest.FixtureRequest) -> Callable[..., ChannelsLayer]:
    """Makes layers that share what they hold, where layers of this kind do."""
    if request.param == "memory":
        return MemoryLayer
    server: PrivateRedis = request.getfixturevalue("redis_server")
    return partial(RedisLayer, hosts=[server.url], prefix=f"channels4-{token()}")


@pytest.fixture
async def ours(make_ours: Callable[..., ChannelsLayer]) -> AsyncIterator[ChannelsLayer]:
    """One of them."""
    layer = make_ours()
    yield layer
    await layer.flush()
    await layer.close()


class Clock:
    """The monotonic clock of mailrooms, which a test can put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock. An inbox is read so often that who waits for the next sweep does not wait long."""
    made = Clock()
    monkeypatch.setattr(mailroom, "monotonic", made)
    monkeypatch.setattr(mailroom, "READ_WAIT", 0.02)
    return made
