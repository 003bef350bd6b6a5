"""All sockets of a process, without a server and without a layer."""

from __future__ import annotations

import gc
import sys
import weakref
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

import pytest

from switchboard.events import Envelope
from switchboard.interface.answers import read_answer
from switchboard.interface.connection import Opening
from switchboard.interface.frames import Frame
from switchboard.interface.sockets import CLOSED_SOCKET_OVERHEAD, Sockets
from switchboard.layers.base import Enqueued, Receipt
from switchboard.names import CONNECT, DISCONNECT
from tests.unit.interface.connections import LIMITS, OPENING


class Server:
    """A `Wire` that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def accept(self, subprotocol: str | None) -> None:
        self.told.append(("accept", subprotocol))

    def deny(self) -> None:
        self.told.append("deny")

    def frame(self, frame: Frame) -> None:
        self.told.append(frame.text)

    def close(self, code: int) -> None:
        self.told.append(("close", code))

    def read(self, on: bool) -> None:
        self.told.append(("read", on))


class Crowd:
    """`Sockets` whose messages are handled when the test says so."""

    def __init__(self, closed_bytes: int = LIMITS.closed_bytes) -> None:
        self.enqueued: deque[Envelope] = deque()
        self.sockets = Sockets(
            replace(LIMITS, closed_bytes=closed_bytes), enqueue=self.enqueued.append, gone=lambda channel: None
        )

    def handle(self) -> list[str]:
        """Handle what is enqueued, and what is enqueued then; returns the messages' channels."""
        handled = []
        while self.enqueued:
            envelope = self.enqueued.popleft()
            assert envelope.socket is not None and envelope.order is not None
            self.sockets.enqueued(envelope, Receipt(Enqueued.QUEUED))
            self.sockets.answer(envelope.socket, read_answer({"accept": True}))
            self.sockets.acknowledge(envelope.socket, envelope.order, failed=False, session=None)
            handled.append(envelope.channel)
        return handled


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Only reference counts free anything."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
async def test_a_socket_that_waits_for_its_disconnect_does_not_keep_the_servers_end() -> None:
    crowd, server = Crowd(), Server()
    listener, ended = crowd.sockets.open("i!s", OPENING, server), weakref.ref(server)
    del server
    listener.lost(1006)
    assert ended() is None

    assert len(crowd.sockets) == 1, "its disconnect has not been handled"
    assert crowd.handle() == [CONNECT, DISCONNECT]
    assert len(crowd.sockets) == 0


class Offered(list[str]):
    """Subprotocols that can be referred to weakly."""


@pytest.mark.usefixtures("uncollected")
async def test_nor_what_the_client_offered() -> None:
    crowd = Crowd()
    offered = Offered(["switchboard.v1", *map(str, range(2000))])
    listener, ended = crowd.sockets.open("i!s", Opening("/", {"path": "/"}, offered), Server()), weakref.ref(offered)
    del offered
    assert ended() is not None, "a consumer may choose one"
    listener.lost(1006)
    assert ended() is None


async def test_while_closed_sockets_hold_too_much_new_ones_are_refused() -> None:
    crowd = Crowd(3 * CLOSED_SOCKET_OVERHEAD)
    for number in range(3):
        crowd.sockets.open(f"i!{number}", OPENING, Server()).lost(1006)
    assert len(crowd.enqueued) == 3
    refused = Server()
    listener = crowd.sockets.open("i!refused", OPENING, refused)
    assert refused.told == [("accept", "switchboard.v1"), ("close", 1013)]
    listener.lost(1013)
    assert len(crowd.enqueued) == 3, "no consumer hears of it"

    crowd.handle()
    let_in = Server()
    crowd.sockets.open("i!4", OPENING, let_in)
    crowd.handle()
    assert let_in.told == [("accept", None)]


async def test_new_sockets_are_let_in_again_well_below_the_bound() -> None:
    alone = Crowd()
    alone.sockets.open("i!0", OPENING, Server()).lost(1006)
    crowd = Crowd(10 * alone.sockets.closed_bytes)
    closed = [crowd.sockets.open(f"i!{number}", OPENING, Server()) for number in range(11)]
    for listener in closed:
        listener.lost(1006)

    def is_let_in(channel: str) -> bool:
        server = Server()
        crowd.sockets.forget(crowd.sockets.open(channel, OPENING, server))
        return server.told == []

    assert not is_let_in("i!a")
    for listener in closed[:3]:
        crowd.sockets.forget(listener)
    assert not is_let_in("i!b"), "8 of 10"
    crowd.sockets.forget(closed[3])
    assert is_let_in("i!c"), "7 of 10"


def held(crowd: Crowd) -> int:
    """What closed sockets hold besides what each of them costs."""
    return crowd.sockets.closed_bytes - len(crowd.sockets) * CLOSED_SOCKET_OVERHEAD


async def test_frames_that_a_closed_socket_left_count_once() -> None:
    crowd = Crowd()
    listener = crowd.sockets.open("i!s", OPENING, Server())
    crowd.handle()
    for _ in range(4):
        listener.frame("x" * 200)
    listener.lost(1006)
    listener.lost(1006)  # may be said twice
    assert 4 * 200 <= held(crowd) < 2 * 4 * 200 + 1000


async def test_the_headers_of_a_handshake_that_nobody_answered_count() -> None:
    crowd = Crowd()
    content = {"path": "/", "headers": [[b"x-%d" % number, b""] for number in range(500)]}
    crowd.sockets.open("i!s", Opening("/", content), Server()).lost(1006)
    assert held(crowd) > 500 * 2 * sys.getsizeof(b"x-100")


async def test_the_session_of_a_closed_socket_counts() -> None:
    crowd = Crowd()
    listener = crowd.sockets.open("i!s", OPENING, Server())
    crowd.sockets.acknowledge("i!s", 0, failed=False, session={"draft": "x" * 5000})
    listener.lost(1006)
    assert held(crowd) > 5000


async def test_nothing_counts_once_all_are_forgotten() -> None:
    crowd = Crowd()
    for number in range(3):
        crowd.sockets.open(f"i!{number}", OPENING, Server()).lost(1006)
    crowd.sockets.drop()
    assert crowd.sockets.closed_bytes == 0
