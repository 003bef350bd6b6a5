"""Sockets through a real Daphne: what a client sees, and what a worker gets."""

from __future__ import annotations

import contextlib
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from socket import create_connection
from time import monotonic

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from switchboard.testing.processes import RunningProcess
from switchboard.testing.waiting import wait_until
from tests.integration.interface.conftest import OURS, STOCK, Served

SOON = 20
OFFERED = [Subprotocol("one"), Subprotocol("two")]
#: What a socket's worker sends for each frame of a flood.
FLOOD_FRAME = 64 * 1024
#: For a client that speaks TCP only.
HANDSHAKE = (
    "GET /silent HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def closed_with(socket: ClientConnection) -> int | None:
    """The code by which the server closes, after whatever it still says."""
    try:
        while True:
            socket.recv(SOON)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None


def status_of(url: str, origin: str | None = None) -> int:
    with pytest.raises(InvalidStatus) as refused:
        connect(url, origin=None if origin is None else Origin(origin))
    return refused.value.response.status_code


def test_text_and_bytes_there_and_back(served: Served) -> None:
    with connect(f"{served.websocket_url}/echo") as socket:
        socket.send("echo grüße")
        assert socket.recv(SOON) == "grüße"
        socket.send(b"\x00\xff")
        assert socket.recv(SOON) == b"\x00\xff"


def test_the_messages_of_a_socket_have_the_keys_of_1x(served: Served) -> None:
    path = f"/keys-{served.module}"
    with connect(f"{served.websocket_url}{path}?a=%20b", subprotocols=OFFERED) as socket:
        socket.send("echo x")
        socket.recv(SOON)
        socket.close(4001)
    assert served.wait_for_disconnect(path)["code"] == "4001"
    (_, opened), (_, received), (_, gone) = served.seen(path)

    assert set(opened) == {
        *("path", "headers", "query_string", "client", "server", "subprotocols", "scheme", "root_path"),
        *("order", "reply_channel"),
    }
    assert opened["query_string"] == repr(b"a=%20b")
    assert opened["subprotocols"] == repr(["one", "two"])
    assert "[b'host'," in opened["headers"]
    assert set(received) == {"path", "text", "order", "reply_channel"}
    assert set(gone) == {"path", "code", "order", "reply_channel"}
    assert [content["order"] for content in (opened, received, gone)] == ["0", "1", "2"]


def test_many_frames_at_once_are_answered_in_order(served: Served) -> None:
    with connect(f"{served.websocket_url}/burst") as socket:
        for number in range(20):
            socket.send(f"echo {number}")
        assert [socket.recv(SOON) for _ in range(20)] == [str(number) for number in range(20)]


def test_a_group_reaches_its_members_until_they_leave(served: Served) -> None:
    with (
        connect(f"{served.websocket_url}/a") as one,
        connect(f"{served.websocket_url}/b") as two,
        connect(f"{served.websocket_url}/c") as three,
    ):
        one.send("leave")
        assert one.recv(SOON) == "left"
        two.send("all hello")
        assert (two.recv(SOON), three.recv(SOON)) == ("hello", "hello")
        one.send("echo next")
        assert one.recv(SOON) == "next"


def test_answers_to_the_handshake(served: Served) -> None:
    assert status_of(f"{served.websocket_url}/deny") == 403
    assert status_of(f"{served.websocket_url}/fail") == 403
    with connect(f"{served.websocket_url}/sub", subprotocols=OFFERED) as socket:
        assert socket.subprotocol == "two"
    with connect(f"{served.websocket_url}/implicit") as socket:
        assert socket.recv(SOON) == "hello"
    with connect(f"{served.websocket_url}/unknown") as socket:
        assert closed_with(socket) == 4404


def test_a_text_with_an_answer_overtakes_what_is_under_way(served: Served) -> None:
    with connect(f"{served.websocket_url}/answers") as socket:
        socket.send("hold")
        socket.send("ping")
        assert socket.recv(SOON) == "pong"


def test_a_refused_socket_gets_its_disconnect(served: Served) -> None:
    before = len(served.seen("/deny"))
    status_of(f"{served.websocket_url}/deny")
    with connect(f"{served.websocket_url}/echo") as socket:
        socket.close()

    wait_until(
        lambda: (
            [channel for channel, _ in served.seen("/deny")[before:]] == ["websocket.connect", "websocket.disconnect"]
        ),
        "disconnect of the refused",
    )


def test_a_handshake_nobody_answers(served: Served) -> None:
    with connect(f"{served.websocket_url}/silent", open_timeout=SOON) as socket:
        assert closed_with(socket) == (1013 if served.module == OURS else 4013)


def refused_with(served: Served) -> int | None:
    """The code by which a new socket is closed; None if it is served."""
    with connect(f"{served.websocket_url}/echo") as socket:
        try:
            socket.send("echo in")
            assert socket.recv(SOON) == "in"
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None
    return None


@pytest.mark.parametrize(("module", "code"), [(OURS, 1013), (STOCK, 4013)])
def test_while_closed_sockets_hold_too_much_new_ones_are_refused(module: str, code: int) -> None:
    with Served(module, CLOSED_BYTES="1") as served, connect(f"{served.websocket_url}/echo") as waits:
        with connect(f"{served.websocket_url}/held") as held:
            held.send("hold")
            wait_until(lambda: len(served.seen("/held")) == 2, "its message is under way")
        wait_until(lambda: refused_with(served) == code, "new sockets are refused")
        waits.send("release")
        served.wait_for_disconnect("/held")
        wait_until(lambda: refused_with(served) is None, "new sockets are served again")
        assert "new sockets are refused with 1013" in served.log


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_a_foreign_page_is_refused_and_no_worker_hears_of_it(served: Served, origin: str) -> None:
    path = f"/origin-{served.module}"

    assert status_of(f"{served.websocket_url}{path}", origin=origin) == 403
    assert served.seen(path) == []


def test_our_own_page_is_let_in(served: Served) -> None:
    with connect(f"{served.websocket_url}/echo", origin=Origin(served.url)) as socket:
        socket.send("echo in")
        assert socket.recv(SOON) == "in"


def test_nonsense_is_ignored_and_everything_lives_on(served: Served) -> None:
    with connect(f"{served.websocket_url}/nonsense") as socket:
        socket.send("nonsense")
        assert socket.recv(SOON) == "after"


def test_a_consumer_that_failed(served: Served) -> None:
    with connect(f"{served.websocket_url}/canned") as told, connect(f"{served.websocket_url}/echo") as untold:
        told.send("fail")
        assert told.recv(SOON) == "sorry"
        untold.send("fail")
        untold.send("echo after")
        assert untold.recv(SOON) == "after"


@pytest.mark.parametrize(("code", "stock_code"), [(1000, 1000), (4404, 4404), (3001, 3001), (1012, 4012), (1001, 4001)])
def test_close_codes(served: Served, code: int, stock_code: int) -> None:
    with connect(f"{served.websocket_url}/close") as socket:
        socket.send(f"close {code}")
        assert socket.recv(SOON) == "bye"
        assert closed_with(socket) == (code if served.module == OURS else stock_code)


def test_an_empty_frame_is_a_frame(ours: Served) -> None:
    with connect(f"{ours.websocket_url}/empty") as socket:
        socket.send("echo ")
        assert socket.recv(SOON) == ""
        socket.send(b"")
        assert socket.recv(SOON) == b""


def test_a_frame_that_is_too_big(served: Served) -> None:
    with connect(f"{served.websocket_url}/big") as socket:
        socket.send("x" * 5000)
        assert closed_with(socket) == (1009 if served.module == OURS else 4009)


def test_a_frame_for_which_there_is_no_room_closes_the_socket_and_what_came_before_is_handled() -> None:
    with Served(OURS) as served:
        with connect(f"{served.websocket_url}/flood") as socket:
            socket.send("hold")
            for size in (1500, 3000):  # less than half of what may wait, and too much beside it
                socket.send("x" * size)
            assert closed_with(socket) == 1013
        with connect(f"{served.websocket_url}/other") as other:
            other.send("release")
            served.wait_for_disconnect("/flood")
        received = [content["text"] for channel, content in served.seen("/flood") if channel == "websocket.receive"]
        assert received == [repr("hold"), repr("x" * 1500)]


def test_what_is_sent_in_one_piece_is_heard_to_the_end_though_little_of_it_may_wait() -> None:
    texts = [f"{number:0100}" for number in range(200)]
    with Served(OURS) as served, connect(f"{served.websocket_url}/hasty") as socket:
        socket.send("hold")
        # It has been read before anybody could stop reading.
        frames = [Frame(Opcode.TEXT, f"echo {text}".encode()) for text in texts]
        socket.socket.sendall(b"".join(frame.serialize(mask=True) for frame in frames))
        with connect(f"{served.websocket_url}/other") as other:
            other.send("release")
            assert other.recv(SOON) == ""
        assert [socket.recv(SOON) for _ in ("release", *texts)] == ["", *texts]


def test_where_reading_cannot_be_stopped_a_client_that_sends_ahead_is_closed() -> None:
    with Served(STOCK) as served, connect(f"{served.websocket_url}/flood") as socket:
        socket.send("hold")
        with contextlib.suppress(ConnectionClosed):
            for number in range(100):
                socket.send(f"echo {number:0100}")
        assert closed_with(socket) == 4013


def test_a_client_that_sends_ahead_is_made_to_wait_and_loses_nothing() -> None:
    sent = [f"echo {number:01000}" for number in range(3000)]
    # A client that is read has to answer in time, though it or the server stands still for a moment.
    pings = ["--ping-interval", "1", "--ping-timeout", "5"]
    with Served(OURS, pings, BUFFER_BYTES=str(256 * 1024)) as served, ExitStack() as stack:
        # Its own pings would go unanswered as well, since the server does not read it.
        ahead = stack.enter_context(connect(f"{served.websocket_url}/ahead", ping_interval=None))
        ahead.send("hold")
        thread = stack.enter_context(ThreadPoolExecutor(1))
        gone: list[str] = []

        def send_all() -> None:
            for text in sent:
                ahead.send(text)
                gone.append(text)

        sending = thread.submit(send_all)
        with connect(f"{served.websocket_url}/other") as other:
            wait_until(lambda: len(gone) > 500, "it has sent twice what may wait")
            waits_since = monotonic()
            wait_until(lambda: monotonic() > waits_since + 10, "pings would have gone unanswered for long enough")
            other.send("release")
            assert other.recv(SOON) == ""
        assert ahead.recv(SOON) == ""
        assert ["echo " + str(ahead.recv(SOON)) for _ in sent] == sent
        sending.result(SOON)


def test_a_client_that_does_not_read_is_cut_off_and_the_others_do_not_notice() -> None:
    rounds, frames = 200, 20
    with Served(OURS) as served, ExitStack() as stack:
        deaf = stack.enter_context(create_connection(("127.0.0.1", served.port), timeout=SOON))
        deaf.sendall(HANDSHAKE.replace("/silent", "/deaf").encode())
        wait_until(lambda: served.seen("/deaf"), "it is a member")
        well = stack.enter_context(connect(f"{served.websocket_url}/well", max_size=None))
        before = resident(served.pid)
        for _ in range(rounds):
            well.send(f"flood {frames}")
            for _ in range(frames):
                assert len(well.recv(SOON)) == FLOOD_FRAME
        grown = resident(served.pid) - before

        assert rounds * frames * FLOOD_FRAME > 240 * 2**20
        # What the layer keeps until the next beat is in this process as well, and a fast machine sends much by then.
        assert grown < 140 * 2**20, f"the process grew by {grown / 2**20:.0f} MiB"
        assert served.wait_for_disconnect("/deaf")["code"] == "1006"
        assert "does not read what it is sent" in served.log
        well.send("echo still here")
        assert well.recv(SOON) == "still here"


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def test_no_room_for_a_connect() -> None:
    with Served(OURS, WORKERLESS="1", CONNECT_TIMEOUT="1.5") as served:
        with connect(f"{served.websocket_url}/first", open_timeout=SOON) as first:
            # Nobody answered it in time; it is on its channel still, which holds one message.
            assert closed_with(first) == 1013
        with connect(f"{served.websocket_url}/second", open_timeout=SOON) as second:
            assert closed_with(second) == 1013


@pytest.mark.parametrize(("module", "code"), [(OURS, 1012), (STOCK, 4012)])
def test_sigterm_tells_the_clients_and_ends_soon(module: str, code: int) -> None:
    with Served(module) as served, connect(f"{served.websocket_url}/echo") as socket:
        socket.send("echo up")
        assert socket.recv(SOON) == "up"
        served.signal(signal.SIGTERM)
        assert closed_with(socket) == code
        assert served.wait(SOON) == 0
        assert_quiet(served)


def test_sigterm_in_a_handshake() -> None:
    with (
        Served(OURS, CONNECT_TIMEOUT="30") as served,
        create_connection(("127.0.0.1", served.port), timeout=SOON) as wire,
    ):
        wire.sendall(HANDSHAKE.encode())
        wait_until(lambda: served.seen("/silent"), "the handshake is known")
        served.signal(signal.SIGTERM)
        answer = b""
        # It never answers the close, and so is reset after a second, unless the process ends before.
        with contextlib.suppress(ConnectionResetError):
            while piece := wire.recv(4096):
                answer += piece
        assert answer.startswith(b"HTTP/1.1 101") and answer.endswith((1012).to_bytes(2, "big"))
        assert served.wait(SOON) == 0
        assert_quiet(served)


def assert_quiet(served: RunningProcess) -> None:
    assert "Traceback" not in served.log, served.log
