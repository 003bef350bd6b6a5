"""What our server writes past Autobahn and Twisted, where that is not simple: a client that reads late, and TLS."""

from __future__ import annotations

import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

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


def test_under_tls_everything_is_encrypted(certificate: Path) -> None:
    with listening_socket() as listener:
        port = listener.getsockname()[1]
    endpoint = f"ssl:{port}:privateKey={certificate}:certKey={certificate}:interface=127.0.0.1"
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with Served(OURS, ["--endpoint", endpoint]), connect(f"wss://127.0.0.1:{port}/tls", ssl=trusting) as client:
        client.send("echo grüße")
        assert client.recv(SOON) == "grüße", "in the clear it would be no TLS record, and end the connection"
        client.send("flood 8")
        assert [len(client.recv(SOON)) for _ in range(8)] == [FLOOD_FRAME] * 8
        client.send("close 4404")
        assert client.recv(SOON) == "bye"
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(SOON)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 4404
