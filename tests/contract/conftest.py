"""A second Redis, and the way there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from switchboard.layers.redis import relay
from switchboard.testing.processes import PrivateRedis


@pytest.fixture(scope="session")
def second_redis_server(redis_server: PrivateRedis) -> Iterator[PrivateRedis]:
    """Beside the one that the whole run shares."""
    with PrivateRedis() as server:
        yield server


@pytest.fixture
def patient_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one host has for the other arrives with its commit. Else half a second in which one of the processes stands
    still would leave it to a worker's next heartbeat, and there is no worker here."""
    monkeypatch.setattr(relay, "_PATIENCE", 20.0)
