"""Resilience mode goes wrong as it says, as often as it says, and the same way for the same seed."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from switchboard.events import Envelope, GroupMessage
from switchboard.exceptions import ChannelFull, LayerUnavailable
from switchboard.layers.base import Enqueued, Layer
from switchboard.layers.memory import MemoryLayer
from switchboard.names import CONNECT, DISCONNECT, token
from switchboard.testing.faults import UnreliableLayer

LOG = "chat.log"
SOCKET = "interface.one!socket"


def unreliable(seed: int = 1, **shares: Any) -> Layer:
    memory = {"BACKEND": "switchboard.layers.memory.MemoryLayer", "CONFIG": {"capacity": 10_000}}
    layer: Layer = UnreliableLayer(memory, seed, **shares)  # type: ignore[abstract]
    return layer


def note() -> Envelope:
    return Envelope(LOG, token(), {})


async def fails(call: Awaitable[object]) -> bool:
    try:
        await call
    except LayerUnavailable:
        return True
    return False


async def test_a_lost_request_was_not_carried_out() -> None:
    layer = unreliable(lose_request=0.5)
    failed = [await fails(layer.publish([note()])) for _ in range(400)]
    assert 130 < sum(failed) < 270
    assert await depth_underneath(layer) == 400 - sum(failed)


async def test_of_a_lost_answer_the_call_was_carried_out() -> None:
    layer = unreliable(lose_answer=0.5)
    failed = [await fails(layer.publish([note()])) for _ in range(400)]
    assert 130 < sum(failed) < 270
    assert await depth_underneath(layer) == 400


async def test_the_same_seed_fails_the_same_calls() -> None:
    async def failures(seed: int) -> list[bool]:
        layer = unreliable(seed, lose_request=0.3, lose_answer=0.2, refuse=0.1)
        return [await fails(layer.beat_worker("w")) for _ in range(100)]

    assert await failures(7) == await failures(7)
    assert await failures(7) != await failures(8)


async def test_what_is_not_safe_to_repeat_is_not_repeated() -> None:
    layer = unreliable(repeat=1.0)
    await layer.publish([note()])
    assert await layer.depth(LOG) == 1


async def test_what_is_repeated_counts_once_by_the_record() -> None:
    layer = unreliable(repeat=1.0)
    connect = Envelope(CONNECT, token(), {"path": "/"}, SOCKET, 0)
    assert (await layer.enqueue(connect)).outcome is Enqueued.QUEUED
    assert await layer.depth(CONNECT) == 1


async def test_a_refusal_does_nothing() -> None:
    layer = unreliable(refuse=1.0)
    assert (await layer.enqueue(Envelope(CONNECT, token(), {}, SOCKET, 0))).outcome is Enqueued.FULL
    assert not await layer.has_room(LOG)
    assert not await layer.request(Envelope("http.request", token(), {}, SOCKET), timeout=1.0)
    with pytest.raises(ChannelFull):
        await layer.publish([note()])
    assert [await layer.depth(name) for name in (CONNECT, LOG, "http.request")] == [0, 0, 0]


async def test_a_disconnect_and_a_group_message_are_never_refused() -> None:
    layer = unreliable(refuse=1.0)
    disconnect = Envelope(DISCONNECT, token(), {}, SOCKET, 1)
    assert (await layer.enqueue(disconnect)).outcome is Enqueued.UNKNOWN  # there is no record
    await layer.publish([GroupMessage("room", {"text": "hello"})])


async def test_only_what_is_named_goes_wrong() -> None:
    layer = unreliable(lose_request=1.0, only=["publish"])
    assert await fails(layer.publish([note()]))
    assert not await fails(layer.beat_worker("w"))


@pytest.mark.parametrize("shares", [{"lose": 0.1}, {"repeat": 1.5}, {"delay": -0.1}])
def test_a_share_that_is_none_is_refused(shares: dict[str, Any]) -> None:
    with pytest.raises(ImproperlyConfigured):
        unreliable(**shares)


def test_a_call_that_is_none_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="commit"):
        unreliable(only=["begin", "commit"])  # which is made of `commit_all`


def test_it_can_do_what_the_layer_beneath_can() -> None:
    assert unreliable().crosses_processes is MemoryLayer.crosses_processes


async def depth_underneath(layer: Layer) -> int:
    assert isinstance(layer, UnreliableLayer)
    return await layer.inner.depth(LOG)
