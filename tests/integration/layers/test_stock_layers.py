"""Stock layers in ``CHANNEL_LAYERS``: what is sent there arrives, and what cannot run there says so."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import channel_layers
from pytest_django import Settings

from switchboard import Channel, ChannelFull, Group, Message, route
from switchboard.layers.extensions import OF_WORKERS
from switchboard.layers.memory import MemoryLayer
from switchboard.layers.named import LacksExtensions, get_layer
from switchboard.routing import Router
from switchboard.testing.client import Client
from switchboard.testing.contract.acts import PATIENCE
from switchboard.testing.contract.channel_layers import heard, leave
from switchboard.testing.contract.channels_consumers import enter
from switchboard.testing.processes import ROOT, PrivateRedis, project_environment


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
def stock(request: pytest.FixtureRequest, settings: Settings) -> dict[str, Any]:
    """A stock layer, named as the default one. Each channel takes two messages."""
    config: dict[str, Any] = {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 2}}
    if request.param == "redis":
        hosts = [request.getfixturevalue("redis_server").url]
        config = {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"capacity": 2, "hosts": hosts, "prefix": "stock-named"},
        }
    settings.CHANNEL_LAYERS = {"default": config, "ours": {"BACKEND": "switchboard.layers.memory.MemoryLayer"}}
    return config


@pytest.fixture
async def layer(stock: dict[str, Any]) -> AsyncIterator[Any]:
    layer = channel_layers["default"]
    yield layer
    await leave(layer)


# -- what works: sending


async def test_channels_consumers_hear_a_group(layer: Any) -> None:
    tea = await enter("/ws/tea/")
    await Group("chat_tea").asend({"type": "chat.message", "message": "awaited"})
    assert await tea.receive_from(PATIENCE) == "awaited"
    await sync_to_async(Group("chat_tea").send)({"type": "chat.message", "message": "from a thread"})
    assert await tea.receive_from(PATIENCE) == "from a thread"
    await sync_to_async(Group("chat_tea").send)({"type": "chat.message", "message": "numbered"}, seq=7)
    assert await tea.receive_from(PATIENCE) == "numbered"
    await tea.disconnect(timeout=PATIENCE)


async def test_who_joins_and_leaves(layer: Any) -> None:
    name = await layer.new_channel()
    await Group("tea").aadd(name)
    await Group("tea").asend({"type": "one"})
    await Group("tea").adiscard(name)
    await Group("tea").asend({"type": "two"})
    await Channel(name).asend({"type": "three"})
    assert [(await heard(layer, name))["type"] for _ in range(2)] == ["one", "three"]


async def test_a_named_channel_of_channels_own_worker(layer: Any) -> None:
    for number in range(2):
        await Channel("thumbnails").asend({"type": "make", "n": number})
    with pytest.raises(ChannelFull, match="thumbnails is at its capacity"):
        await Channel("thumbnails").asend({"type": "make", "n": 2})
    assert [(await heard(layer, "thumbnails"))["n"] for _ in range(2)] == [0, 1]


def test_a_shell_has_no_loop(stock: dict[str, Any]) -> None:
    Channel("thumbnails").send({"type": "make"})

    async def look() -> dict[str, Any]:
        layer = channel_layers["default"]
        message = await heard(layer, "thumbnails")
        await leave(layer)
        return message

    assert asyncio.run(look()) == {"type": "make"}


def test_what_one_of_our_consumers_sends_there_goes_at_once(stock: dict[str, Any]) -> None:
    def consumer(message: Message) -> None:
        Channel("thumbnails", alias="default").send({"type": "make"})
        Channel("chat.log").send({"event": "said"})
        raise ZeroDivisionError

    ours = get_layer("ours")
    assert isinstance(ours, MemoryLayer)
    client = Client(layer=ours, router=Router([route("websocket.receive", consumer)]))
    with pytest.raises(ZeroDivisionError):
        client.send_and_consume("websocket.receive")
    assert client.get_next_message("chat.log") is None

    async def look() -> None:
        assert await heard(channel_layers["default"], "thumbnails") == {"type": "make"}
        await leave(channel_layers["default"])

    asyncio.run(look())


# -- what does not: interfaces and workers


def test_what_is_lacking_is_named(stock: dict[str, Any]) -> None:
    with pytest.raises(LacksExtensions) as refused:
        get_layer()
    assert refused.value.lacking == list(OF_WORKERS)
    with pytest.raises(LacksExtensions):
        Client()


@pytest.mark.redis
@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["manage.py", "runworker"], 2),
        (["manage.py", "deadletters", "list"], 2),
        (["-m", "switchboard.interface", "--port", "0", "asgi:application"], 2),
        (["manage.py", "check"], 0),
    ],
    ids=["worker", "dead letters", "interface", "check"],
)
def test_processes_say_it_in_one_sentence(
    redis_server: PrivateRedis, tmp_path: Path, command: list[str], status: int
) -> None:
    environment = project_environment(
        redis_server.url, DATA_DIR=str(tmp_path), DJANGO_SETTINGS_MODULE="tests.integration.layers.stock_settings"
    )
    end = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )
    assert end.returncode == status
    assert "is a channels_redis.core.RedisChannelLayer, on which no interface and no worker can run" in end.stderr
    assert "it lacks records, commits, takeover" in end.stderr
    assert "Traceback" not in end.stderr
