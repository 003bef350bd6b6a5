"""A second Redis."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from switchboard.testing.processes import PrivateRedis


@pytest.fixture(scope="session")
def second_redis_server(redis_server: PrivateRedis) -> Iterator[PrivateRedis]:
    """Beside the one that the whole run shares."""
    with PrivateRedis() as server:
        yield server
