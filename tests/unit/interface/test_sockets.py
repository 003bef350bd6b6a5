"""All sockets of a process, without a server and without a layer."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from switchboard.events import Envelope
from switchboard.interface.frames import Frame
from switchboard.interface.sockets import Sockets
from switchboard.layers.base import Enqueued, Receipt
from tests.unit.interface.connections import LIMITS, OPENING

CHANNEL = "i!s"


class Server:
    """A `Wire` that does nothing."""

    def accept(self, subprotocol: str | None) -> None:
        pass

    def deny(self) -> None:
        pass

    def frame(self, frame: Frame) -> None:
        pass

    def close(self, code: int) -> None:
        pass

    def read(self, on: bool) -> None:
        pass


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Only reference counts free anything."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
async def test_a_socket_that_waits_for_its_disconnect_does_not_keep_the_servers_end() -> None:
    enqueued: list[Envelope] = []
    sockets = Sockets(LIMITS, enqueue=enqueued.append, gone=lambda channel: None)
    server = Server()
    listener, ended = sockets.open(CHANNEL, OPENING, server), weakref.ref(server)
    del server
    listener.lost(1006)
    assert ended() is None

    assert len(sockets) == 1, "its disconnect has not been handled"
    for envelope in enqueued:
        sockets.enqueued(envelope, Receipt(Enqueued.QUEUED))
        assert envelope.order is not None
        sockets.acknowledge(CHANNEL, envelope.order, failed=False, session=None)
    assert [envelope.channel for envelope in enqueued] == ["websocket.connect", "websocket.disconnect"]
    assert len(sockets) == 0
