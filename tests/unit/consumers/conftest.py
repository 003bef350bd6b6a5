"""A layer of its own for each test, and a socket on it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from switchboard.layers.memory import MemoryLayer
from switchboard.routing import Routable, Router
from switchboard.testing.client import Client


@pytest.fixture
def layer() -> MemoryLayer:
    return MemoryLayer()


@pytest.fixture
def client_for(layer: MemoryLayer) -> Callable[..., Client]:
    """``client_for(route(...), ..., session=...)``: a client whose messages take those routes."""

    def make(*routes: Routable, **options: object) -> Client:
        return Client(layer=layer, router=Router(list(routes)), **options)  # type: ignore[arg-type]

    return make
