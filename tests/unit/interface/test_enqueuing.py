"""The way of the sockets' messages to the layer."""

from __future__ import annotations

from switchboard.events import Envelope
from switchboard.interface.enqueuing import Enqueuer
from switchboard.layers.base import Enqueued, Receipt
from switchboard.layers.memory import MemoryLayer
from switchboard.names import CONNECT


def connect(socket: str, **content: object) -> Envelope:
    return Envelope(CONNECT, f"{socket}/0", {"path": "/x", **content}, socket, 0)


async def test_what_the_layer_cannot_carry_counts_as_handled_and_the_others_are_queued() -> None:
    outcomes: dict[str | None, Receipt | None] = {}
    layer = MemoryLayer()
    enqueuer = Enqueuer(layer, lambda envelope, receipt: outcomes.__setitem__(envelope.socket, receipt))
    for envelope in (connect("i!a"), connect("i!b", what=object()), connect("i!c")):
        enqueuer.put(envelope)

    await enqueuer.enqueue_next()

    queued = Receipt(Enqueued.QUEUED)
    assert outcomes == {"i!a": queued, "i!b": Receipt(Enqueued.DONE), "i!c": queued}
    assert await layer.depth(CONNECT) == 2
