"""After old data came back: the heart has the sockets reported that ended since, however many others there are."""

from __future__ import annotations

import pytest

from switchboard.events import Envelope
from switchboard.interface.heart import Heart
from switchboard.interface.inbox import Inbox
from switchboard.layers.base import SocketState
from switchboard.layers.memory import MemoryLayer
from switchboard.names import DISCONNECT, RECEIVE, new_reply_channel


class Sockets:
    """Those that the interface still has."""

    def __init__(self, names: list[str]) -> None:
        self._names = frozenset(names)

    def last_order(self, channel: str) -> int | None:
        return 1 if channel in self._names else None


@pytest.mark.parametrize("strays", [3, 600])
async def test_sockets_that_ended_since_are_reported_among_many_that_live(strays: int) -> None:
    layer = MemoryLayer()
    inbox = Inbox(layer)
    run_id = await inbox.open()
    inbox.opened(run_id)
    names = [new_reply_channel(inbox.name) for _ in range(1_200 + strays)]
    await layer.restore([SocketState(name, 1, 1) for name in names])
    ended, lives = names[1_200:], names[:1_200]
    busy = ended[0]
    await layer.enqueue(Envelope(RECEIVE, f"{busy}/2", {"text": "x"}, busy, 2))
    heart = Heart(layer, inbox, Sockets(lives), interval=1.0, lease=9.0)  # type: ignore[arg-type]
    heart.begin(old_data=True)
    await heart.beat()
    assert await layer.depth(DISCONNECT) == strays - 1, "what is under way comes first"
    for delivery in await layer.take("w", [RECEIVE], count=9, wait=0):
        await layer.commit("w", delivery)
    await heart.beat()

    found = await layer.take("w", [DISCONNECT], count=2_000, wait=0)
    assert sorted(str(delivery.envelope.socket) for delivery in found) == sorted(ended)
