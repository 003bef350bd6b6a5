"""The layer in memory keeps the contract."""

from __future__ import annotations

import pytest

from switchboard.layers.memory import MemoryLayer
from switchboard.testing.contract import LayerContract
from switchboard.testing.contract.acts import MakeLayer


class TestMemoryLayer(LayerContract):
    @pytest.fixture
    def make_layer(self) -> MakeLayer:
        return MemoryLayer
