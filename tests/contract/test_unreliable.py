"""Resilience mode: a layer under which nothing goes wrong keeps the contract, and so does one whose calls are repeated
or delayed, since the contract says that this is safe."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest

from switchboard.layers.base import Layer
from switchboard.layers.memory import MemoryLayer
from switchboard.testing.contract import LayerContract
from switchboard.testing.contract.acts import MakeLayer
from switchboard.testing.faults import UnreliableLayer


def make(shares: Mapping[str, Any], **config: Any) -> Layer:
    layer: Layer = UnreliableLayer(MemoryLayer(**config), **shares)  # type: ignore[abstract]
    return layer


class TestReliable(LayerContract):
    @pytest.fixture
    def make_layer(self) -> MakeLayer:
        return partial(make, {})


class TestRepeated(LayerContract):
    @pytest.fixture
    def make_layer(self) -> MakeLayer:
        return partial(make, {"repeat": 1.0})


class TestDelayed(LayerContract):
    @pytest.fixture
    def make_layer(self) -> MakeLayer:
        return partial(make, {"delay": 0.5, "longest_delay": 0.01})
