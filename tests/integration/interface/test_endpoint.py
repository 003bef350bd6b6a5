"""What our server does past Autobahn and Twisted: late readers, TLS, and sockets that leave nothing behind."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from switchboard.interface.frames import Frame
from switchboard.testing.ports import listening_socket
from switchboard.testing.waiting import wait_until
from tests.integration.interface.conftest import OURS, Served
from tests.integration.interface.test_sockets import FLOOD_FRAME, HANDSHAKE, SOON

#: Frames, of 16 MiB together, and messages after them while one is late.
FLOOD = 256
LATER = 50


def read_answer(wire: socket.socket, size: int) -> bytes:
    """What follows the head of the answer to the handshake."""
    head, data = b"", bytearray()
    while not head.endswith(b"\r\n\r\n"):
        head += wire.recv(1)
    while len(data) < size and (more := wire.recv(4096)):
        data += more
    return bytes(data)


def test_who_reads_late_gets_every_byte_in_order() -> None:
    with ExitStack() as stack:
        served = stack.enter_context(Served(OURS, UNSENT_BYTES=str(64 * 2**20)))
        late = stack.enter_context(socket.socket())
        teller = stack.enter_context(connect(f"{served.websocket_url}/teller"))
        late.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024)
        late.settimeout(SOON)
        late.connect(("127.0.0.1", served.port))
        late.sendall(HANDSHAKE.replace("/silent", "/late").encode())
        wait_until(lambda: served.seen("/late"), "it is a member")
        teller.send(f"flood {FLOOD}")  # more than the kernel takes
        said = [Frame.of_text("x" * FLOOD_FRAME)] * FLOOD
        for number in range(LATER):
            said.append(Frame.of_text(str(number)))
        expected = b"".join(frame.raw for frame in said)
        with ThreadPoolExecutor(1) as thread:
            reading = thread.submit(read_answer, late, len(expected))
            for number in range(LATER):
                teller.send(f"all {number}")  # behind what waits, while there is room for a little again and again
                while teller.recv(SOON) != str(number):
                    pass
            assert reading.result() == expected


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate that signs itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    file = tmp_path / "certificate.pem"
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(private + signed.public_bytes(pem))
    return file


@pytest.fixture
def trusting() -> ssl.SSLContext:
    """A client's context that takes any certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def listening_with_tls(certificate: Path) -> tuple[int, list[str]]:
    """A port, and the options with which an interface listens there with this certificate."""
    with listening_socket() as listener:
        port = listener.getsockname()[1]
    return port, ["--endpoint", f"ssl:{port}:privateKey={certificate}:certKey={certificate}:interface=127.0.0.1"]


def test_under_tls_everything_is_encrypted(certificate: Path, trusting: ssl.SSLContext) -> None:
    port, options = listening_with_tls(certificate)
    with Served(OURS, options), connect(f"wss://127.0.0.1:{port}/tls", ssl=trusting) as client:
        client.send("echo grüße")
        assert client.recv(SOON) == "grüße", "in the clear it would be no TLS record, and end the connection"
        client.send("flood 8")
        assert [len(client.recv(SOON)) for _ in range(8)] == [FLOOD_FRAME] * 8
        client.send("close 4404")
        assert client.recv(SOON) == "bye"
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(SOON)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 4404


# -- what a socket leaves behind

#: Clients that come and go.
CHURN = 5
#: Types of which each socket has an object: the server's end, the HTTP connection that it was first, and ours.
PER_SOCKET = ("Endpoint", "TransportDetails", "HTTPChannel", "Socket")


class Uncollected(Served):
    """An interface whose garbage collector never runs."""

    def __init__(self, options: Sequence[str] = ()) -> None:
        super().__init__(OURS, options, NO_GC="1")
        self._client = httpx.Client(timeout=20)  # one connection for all questions

    def alive(self) -> dict[str, int]:
        """The objects of each type in `PER_SOCKET`."""
        found: dict[str, int] = self._client.get(f"{self.url}/alive?{','.join(PER_SOCKET)}").json()
        return found

    def close(self) -> None:
        self._client.close()
        super().close()


def handshaking(served: Served, path: str) -> socket.socket:
    wire = socket.create_connection(("127.0.0.1", served.port), timeout=SOON)
    wire.sendall(HANDSHAKE.replace("/silent", path).encode())
    return wire


def close_politely(served: Served) -> None:
    with connect(f"{served.websocket_url}/polite") as client:
        client.send("echo hello")
        assert client.recv(SOON) == "hello"


def vanish(served: Served) -> None:
    with handshaking(served, "/vanishes") as wire:
        read_answer(wire, 0)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # it is closed with a reset


def be_denied(served: Served) -> None:
    with handshaking(served, "/deny") as wire:
        assert wire.recv(12) == b"HTTP/1.1 403"


def leave_before_the_answer(served: Served) -> None:
    known = len(served.seen("/silent"))
    with handshaking(served, "/silent"):
        wait_until(lambda: len(served.seen("/silent")) > known, "the handshake is known")


def be_closed(served: Served) -> None:
    with connect(f"{served.websocket_url}/unknown") as client, pytest.raises(ConnectionClosed):
        client.recv(SOON)


def fetch_a_page(served: Served) -> None:
    assert httpx.get(f"{served.url}/page", timeout=20).status_code == 200


@pytest.fixture(scope="module")
def uncollected() -> Iterator[Uncollected]:
    with Uncollected() as served:
        yield served


def wait_until_freed(served: Uncollected, at_first: dict[str, int]) -> None:
    """Daphne forgets a connection up to a second after it closed."""
    found = at_first

    def freed() -> bool:
        nonlocal found
        found = served.alive()
        return found == at_first

    with contextlib.suppress(AssertionError):
        wait_until(freed, timeout=10)
    assert found == at_first


@pytest.mark.parametrize("leave", [close_politely, vanish, be_denied, leave_before_the_answer, be_closed, fetch_a_page])
def test_a_connection_that_closed_is_freed_without_the_garbage_collector(
    uncollected: Uncollected, leave: Callable[[Served], None]
) -> None:
    at_first = uncollected.alive()
    for _ in range(CHURN):
        leave(uncollected)
    wait_until_freed(uncollected, at_first)


def test_under_tls_it_is_freed_as_well(certificate: Path, trusting: ssl.SSLContext) -> None:
    port, options = listening_with_tls(certificate)
    with Uncollected(options) as served:
        at_first = served.alive()
        for _ in range(CHURN):
            with connect(f"wss://127.0.0.1:{port}/polite", ssl=trusting) as client:
                client.send("echo hello")
                assert client.recv(SOON) == "hello"
        wait_until_freed(served, at_first)
