"""Cleaning up after a dead interface: all of its sockets, in few calls, by several workers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from switchboard.events import Envelope
from switchboard.layers.base import Receipt, SocketPage, SocketState
from switchboard.layers.memory import MemoryLayer
from switchboard.names import DISCONNECT, new_interface, new_reply_channel
from switchboard.worker import reaper
from switchboard.worker.reaper import Reaper


class Watched(MemoryLayer):
    """Counts the calls, and notes what was enqueued."""

    def __init__(self) -> None:
        super().__init__(capacity=1_000)
        self.calls: Counter[str] = Counter()
        self.enqueued: list[str | None] = []

    async def scan_sockets(self, interface: str, *, every: float, include_busy: bool = False) -> SocketPage | None:
        self.calls["scan_sockets"] += 1
        return await super().scan_sockets(interface, every=every, include_busy=include_busy)

    async def enqueue_many(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        self.calls["enqueue_many"] += 1
        self.enqueued += [envelope.socket for envelope in envelopes]
        return await super().enqueue_many(envelopes)


async def left_behind(layer: MemoryLayer, sockets: int, *, busy: int = 0) -> tuple[str, list[str]]:
    """A dead interface and its sockets, the last ``busy`` of them with a message under way."""
    interface = new_interface()
    names = [new_reply_channel(interface) for _ in range(sockets)]
    await layer.restore([SocketState(name, 1, 1, "/chat/icy-cloud/") for name in names])
    for name in names[sockets - busy :]:
        content = {"reply_channel": name, "order": 2, "text": "x"}
        await layer.enqueue_many([Envelope("websocket.receive", f"{name}/2", content, name, 2)])
    return interface, names


async def test_two_thousand_sockets_are_reported_in_one_look_and_a_few_calls() -> None:
    layer = Watched()
    _, names = await left_behind(layer, 2_000)
    layer.calls.clear()
    await Reaper(layer, "w", [DISCONNECT], lease=0.0).look()

    assert await layer.depth(DISCONNECT) == 2_000, "whatever the channel's capacity"
    assert sorted(layer.enqueued) == sorted(names)  # type: ignore[type-var]
    assert sum(layer.calls.values()) <= 20


async def test_two_workers_divide_the_sockets_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaper, "MAX_REPORTED", 1_000)
    layer = Watched()
    _, names = await left_behind(layer, 2_000)
    first, second = (Reaper(layer, name, [DISCONNECT], lease=0.0) for name in ("w", "v"))
    await first.look()
    assert len(layer.enqueued) == 1_000, "one look of one worker is bounded"
    await second.look()

    assert sorted(layer.enqueued) == sorted(names), "each once"  # type: ignore[type-var]


async def test_what_a_worker_had_that_died_meanwhile_is_reported_by_the_next_scan() -> None:
    layer = Watched()
    interface, names = await left_behind(layer, 2_000)
    page = await layer.scan_sockets(interface, every=0)
    assert page is not None and page.sockets and page.more
    survivor = Reaper(layer, "w", [DISCONNECT], lease=0.0)
    await survivor.look()
    assert len(layer.enqueued) == 2_000 - len(page.sockets)
    await survivor.look()

    assert sorted(layer.enqueued) == sorted(names)  # type: ignore[type-var]


async def test_what_is_under_way_is_waited_for_and_then_the_interface_goes() -> None:
    layer = Watched()
    interface, names = await left_behind(layer, 600, busy=20)
    worker = Reaper(layer, "w", [DISCONNECT], lease=0.0)
    await worker.look()
    assert sorted(layer.enqueued[20:]) == sorted(names[:580])  # type: ignore[type-var]
    for delivery in await layer.take("w", ["websocket.receive"], count=100, wait=0):
        await layer.commit("w", delivery)
    await worker.look()
    assert sorted(layer.enqueued[600:]) == sorted(names[580:])  # type: ignore[type-var]
    for delivery in await layer.take("w", [DISCONNECT], count=1_000, wait=0):
        await layer.commit("w", delivery)
    assert set(await layer.interface_beats()) == {interface}
    await worker.look()

    assert await layer.interface_beats() == {}


async def test_a_look_is_bounded_however_many_interfaces_died(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaper, "MAX_REPORTED", 300)
    layer = Watched()
    for _ in range(4):
        await left_behind(layer, 200)
    worker = Reaper(layer, "w", [DISCONNECT], lease=0.0)
    for expected in (400, 800):
        await worker.look()
        assert len(layer.enqueued) == expected, "no page begins beyond the bound"
