"""A ``receive`` from a named channel that is cancelled halfway: its message is not lost, not there twice, not stuck.

Channels' specification wants at most once; channels-redis puts what a cancelled ``receive`` had taken back into the
channel (its ``test_receive_cancel``), and counts it until then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from switchboard.layers import drop_in
from switchboard.layers.drop_in import ChannelsLayer
from switchboard.testing.contract.acts import ANNE, PATIENCE, take
from switchboard.testing.contract.channel_layers import heard
from switchboard.testing.waiting import await_until


async def cancel_after(layer: ChannelsLayer, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a ``receive`` from ``named`` cancelled when ``call`` was done on the server, but for its answer."""
    real, done = getattr(layer, call), asyncio.Event()

    async def without_answer(*arguments: Any, **options: Any) -> Any:
        await real(*arguments, **options)
        done.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patch:
        patch.setattr(layer, call, without_answer)
        receiving = asyncio.create_task(layer.receive("named"))
        await done.wait()
        receiving.cancel()
        await asyncio.wait([receiving])
    assert receiving.cancelled()


async def test_the_next_receive_gets_what_the_last_one_took(
    ours: ChannelsLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        await ours.send("named", {"type": "a", "n": number})
    await heard(ours, "named")
    await cancel_after(ours, "take", monkeypatch)
    await ours.send("named", {"type": "a", "n": 2})
    assert [(await heard(ours, "named"))["n"] for _ in range(2)] == [1, 2]
    assert await ours.depth("named") == 0


async def test_another_process_gets_it_where_this_one_receives_no_more(
    make_ours: Callable[..., ChannelsLayer], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = make_ours()
    other = make_ours() if ours.crosses_processes else ours
    await ours.send("named", {"type": "a"})
    await cancel_after(ours, "take", monkeypatch)
    monkeypatch.setattr(drop_in, "TAKEN_LIMIT", 0.1)
    monkeypatch.setattr(drop_in, "TAKE_WAIT", 0.05)
    assert await heard(other, "named") == {"type": "a"}
    assert await ours.depth("named") == 0
    for layer in (other, ours):
        await layer.flush()
        await layer.close()


async def test_what_a_worker_holds_is_left_to_it(ours: ChannelsLayer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers renew what they hold and take over from each other; a message of theirs must not become at most once."""
    monkeypatch.setattr(drop_in, "TAKEN_LIMIT", 0.0)
    await ours.send("named", {"type": "a", "n": 0})
    delivery = await take(ours, "named", ANNE)
    await ours.send("named", {"type": "a", "n": 1})
    assert (await heard(ours, "named"))["n"] == 1
    assert await ours.commit(ANNE, delivery)


async def test_a_message_that_was_claimed_waits_for_the_next_receive(
    ours: ChannelsLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, done, go_on = ours.claim_request, asyncio.Event(), asyncio.Event()

    async def slow(*arguments: Any) -> bool:
        claimed = await real(*arguments)
        done.set()
        await go_on.wait()
        return claimed

    await ours.send("named", {"type": "a"})
    with monkeypatch.context() as patch:
        patch.setattr(ours, "claim_request", slow)
        receiving = asyncio.create_task(ours.receive("named"))
        await done.wait()
        receiving.cancel()
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.wait([receiving])
    assert receiving.cancelled()
    assert await heard(ours, "named") == {"type": "a"}
    assert ours._taken._returned == {}


async def test_what_nobody_asks_for_again_is_bounded(ours: ChannelsLayer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drop_in, "MAX_RETURNED", 2)
    monkeypatch.setattr(drop_in, "MAX_LOOKED", 2)
    for number in range(5):
        await ours.send(f"named.{number}", {"type": "a"})
        [delivery] = await ours.take(ANNE, [f"named.{number}"], count=1, wait=PATIENCE)
        ours._taken._return(delivery)
        await ours.commit(ANNE, delivery)
    assert list(ours._taken._returned) == ["named.3", "named.4"]
    for number in range(5):
        await ours.send(f"other.{number}", {"type": "a"})
        await heard(ours, f"other.{number}")
    assert list(ours._taken._looked) == ["other.3", "other.4"]


async def test_a_stuck_message_takes_no_room_for_good(
    make_ours: Callable[..., ChannelsLayer], monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = make_ours(capacity=2)
    for _ in range(4):
        await layer.send("named", {"type": "a"})
        await cancel_after(layer, "take", monkeypatch)
        await heard(layer, "named")

    async def empty() -> bool:
        return await layer.depth("named") == 0

    await await_until(empty, "nothing is left on the channel")
    await layer.flush()
    await layer.close()
