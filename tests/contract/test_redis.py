"""The layer on Redis keeps the contract, on one host and on two."""

from __future__ import annotations

from functools import partial

import pytest

from switchboard.layers.redis import RedisLayer
from switchboard.names import token
from switchboard.testing.contract import LayerContract
from switchboard.testing.contract.acts import MakeLayer
from switchboard.testing.processes import PrivateRedis


@pytest.mark.redis
class TestRedisLayer(LayerContract):
    @pytest.fixture
    def make_layer(self, redis_server: PrivateRedis) -> MakeLayer:
        return partial(RedisLayer, hosts=[redis_server.url], prefix=f"contract-{token()}")


@pytest.mark.redis
@pytest.mark.usefixtures("patient_relay")
class TestRedisLayerOnTwoHosts(LayerContract):
    @pytest.fixture
    def make_layer(self, redis_server: PrivateRedis, second_redis_server: PrivateRedis) -> MakeLayer:
        hosts = [redis_server.url, second_redis_server.url]
        return partial(RedisLayer, hosts=hosts, prefix=f"contract-{token()}")
