"""``CONFIG``: the keys of channels-redis, and one sentence for what can't be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from channels.layers import get_channel_layer
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from redis import Redis

from switchboard import private_redis
from switchboard.exceptions import LayerUnavailable
from switchboard.layers.memory import MemoryLayer
from switchboard.layers.redis import RedisLayer
from switchboard.layers.redis.connections import LONGEST_BLOCK, SOCKET_TIMEOUT
from switchboard.testing.contract.acts import LOG, MakeLayer, frame, new_home, new_socket, note, take
from switchboard.testing.ports import free_port
from switchboard.testing.processes import PrivateRedis, RunningProcess
from switchboard.testing.waiting import await_until


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"host": ["redis://localhost"]}, "The Redis layer's CONFIG has no 'host'"),
        ({"hosts": "redis://localhost"}, "You must pass a list"),
        ({"serializer_format": "pickle"}, "no serializer_format 'pickle'"),
        ({"serializer_format": "json"}, "serializer_format 'json' carries no bytes"),
        ({"symmetric_encryption_keys": "one string"}, "symmetric_encryption_keys"),
        ({"capacity": 0}, "The layer's capacity is a whole number above 0, not 0"),
        ({"channel_capacity": {"a": "many"}}, "channel_capacity is a whole number above 0, not 'many'"),
        ({"channel_capacity": {7: 7}}, "globs or regular expressions"),
        ({"capacity_bytes": -1}, "capacity_bytes"),
        ({"channel_capacity_bytes": {"http.*": 0.5}}, "channel_capacity_bytes"),
        ({"inbox_bytes": 0}, "inbox_bytes"),
        ({"prefix": ""}, "prefix"),
        ({"prefix": 7}, "prefix"),
        ({"expiry": 0}, "expiry is a number of seconds above 0"),
        ({"expiry": "60"}, "expiry"),
        ({"group_expiry": -1}, "group_expiry"),
        ({"random_prefix_length": 12}, "no 'random_prefix_length'. Two equal messages are two here"),
        ({"on_disconnect": "redis.disconnect"}, "no 'on_disconnect'. Consumers hear nothing"),
        ({"on_reconnect": "redis.reconnect"}, "no 'on_reconnect'. Consumers hear nothing"),
    ],
)
def test_what_cannot_be_is_said_at_once(config: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=sentence):
        RedisLayer(**config)


def test_the_keys_of_channels_redis_are_taken() -> None:
    layers = {
        "default": {
            "BACKEND": "switchboard.layers.redis.RedisLayer",
            "CONFIG": {
                "hosts": [{"address": "redis://localhost:6379/3"}],
                "prefix": "asgi",
                "expiry": 60,
                "group_expiry": 86400,
                "capacity": 100,
                "channel_capacity": {
                    "http.request": 200,
                    "websocket.send*": 20,
                    re.compile(r"^specific\..+!.+"): 30,
                },
                "capacity_bytes": 10_000_000,
                "channel_capacity_bytes": {"http.*": 100_000_000},
                "inbox_bytes": 50_000_000,
                "symmetric_encryption_keys": ["secret"],
                "serializer_format": "msgpack",
            },
        }
    }
    with override_settings(CHANNEL_LAYERS=layers):
        layer = get_channel_layer()
    assert isinstance(layer, RedisLayer)
    assert (layer.prefix, layer.expiry, layer.group_expiry) == ("asgi", 60, 86_400)
    capacities = layer._capacities
    assert [capacities.of(name).messages for name in ("http.request", "named")] == [200, 100]
    names = ("specific.abc!def", "websocket.send!abc", "other.abc!def")
    assert [capacities.of_consumer(name) for name in names] == [30, 20, 100]


def test_what_holds_where_config_says_nothing() -> None:
    for layer in (RedisLayer(), MemoryLayer(), RedisLayer(expiry=None, group_expiry=None, channel_capacity=None)):
        assert (layer.expiry, layer.group_expiry) == (None, 86_400)
        assert (layer._capacities.of("named").messages, layer._capacities.of_consumer("specific.a!b")) == (10_000, 100)
    with pytest.raises(ImproperlyConfigured, match="expiry"):
        MemoryLayer(expiry=-1)


def test_a_block_ends_before_the_socket_counts_as_dead() -> None:
    assert LONGEST_BLOCK < SOCKET_TIMEOUT / 2


@pytest.mark.redis
async def test_what_is_encrypted_cannot_be_read_in_redis(make_layer: MakeLayer, shell: Redis) -> None:
    old, new = (make_layer(symmetric_encryption_keys=keys) for keys in (["old"], ["new", "old"]))
    plain = make_layer()
    socket = await new_socket(old, await new_home(old))
    await old.enqueue(frame(socket, 1))
    await old.publish([note(1234)])
    stored = str([shell.execute_command("XRANGE", key, "-", "+") for key in shell.scan_iter("*stream1*")])  # type: ignore[no-untyped-call]
    assert "frame 1" not in stored
    assert (await take(new)).envelope.content == {"number": 1234}, "keys can be rotated"
    for layer in (plain, old, new):
        await layer.flush()
        await layer.close()


@pytest.fixture
def tcp_server(tmp_path: Path) -> Iterator[int]:
    """The port of a Redis on loopback that wants a password."""
    port = free_port()
    folder = private_redis.private_folder()
    command = [
        *private_redis.command_line(socket=folder / "redis.sock", directory=tmp_path),
        *("--bind", "127.0.0.1", "--port", str(port), "--requirepass", "open sesame"),
    ]
    with RunningProcess(command, name="redis-tcp"):
        yield port
    folder.rmdir()


@pytest.mark.redis
async def test_hosts_as_channels_redis_takes_them(tcp_server: int) -> None:
    hosts: list[Any] = [
        f"redis://:open%20sesame@127.0.0.1:{tcp_server}/0",
        {"address": f"redis://127.0.0.1:{tcp_server}", "password": "open sesame"},
        {"host": "127.0.0.1", "port": tcp_server, "password": "open sesame"},
    ]
    layers = [RedisLayer([host]) for host in hosts]

    async def answers() -> bool:
        try:
            return await layers[0].depth(LOG) == 0
        except LayerUnavailable:
            return False

    await await_until(answers, "the server listens")
    for number, layer in enumerate(layers):
        await layer.publish([note(number)])
        assert await layer.depth(LOG) == number + 1
    with pytest.raises(LayerUnavailable):
        await RedisLayer([("127.0.0.1", tcp_server)]).depth(LOG)
    for layer in layers:
        await layer.close()


async def test_a_sentinel_that_knows_no_master_is_an_outage() -> None:
    layer = RedisLayer([{"sentinels": [("127.0.0.1", 1)], "master_name": "mymaster"}])
    with pytest.raises(LayerUnavailable, match="No master found"):
        await layer.depth(LOG)
    await layer.close()


@pytest.mark.redis
async def test_two_prefixes_do_not_meet(redis_server: PrivateRedis, make_layer: MakeLayer) -> None:
    one, other = make_layer(), RedisLayer([redis_server.url], prefix="somebody.else")
    await one.publish([note()])
    assert await other.depth(LOG) == 0
    for layer in (one, other):
        await layer.flush()
        await layer.close()
