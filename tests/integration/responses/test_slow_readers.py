"""Clients that read slowly or not at all, and those beside them: a real interface, a real worker, a Redis."""

from __future__ import annotations

import hashlib
import os
import select
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from switchboard.testing.processes import Daphne, PrivateRedis, Worker
from switchboard.testing.waiting import wait_until
from tests.integration.responses.urls import BIG, transcript_hash

pytestmark = pytest.mark.redis

#: Seconds for a page that nothing holds up; far below the 30 s after which an interface gives a request up.
SOON = 15.0
READERS = 8


def request(path: str, *, close: bool) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{'Connection: close' if close else 'X: y'}\r\n\r\n".encode()


class Site:
    """One interface and one worker with two threads."""

    def __init__(self, stack: ExitStack, redis: PrivateRedis, folder: Path, **settings: str) -> None:
        settings |= {"DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "tests.integration.responses.settings"}
        self.interface = stack.enter_context(Daphne(redis.url, **settings))
        self.worker = stack.enter_context(Worker(redis.url, options=["--threads", "2"], **settings))
        self._stack = stack

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.interface.url + path, timeout=SOON)

    def reader(self, path: str, *, receive_buffer: int = 16 * 1024, close: bool = True) -> socket.socket:
        """A client that has asked for ``path`` and reads nothing yet; its kernel takes little for it."""
        wire = socket.socket()
        self._stack.callback(wire.close)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        wire.settimeout(60)
        wire.connect(("127.0.0.1", self.interface.port))
        wire.sendall(request(path, close=close))
        return wire

    def files(self) -> int:
        """Temporary files that the worker has open."""
        folder = Path(f"/proc/{self.worker.pid}/fd")
        return sum(str(link.readlink()).endswith("(deleted)") for link in folder.iterdir() if link.is_symlink())


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(stack, stack.enter_context(PrivateRedis()), folder, **settings)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with running(tmp_path) as site:
        yield site


def test_readers_of_nothing_hold_nobody_up_and_are_closed(tmp_path: Path) -> None:
    with running(tmp_path, STALL_TIMEOUT="4") as site:
        readers = [site.reader("/transcript/") for _ in range(READERS)]
        for reader in readers:
            assert select.select([reader], [], [], SOON)[0], "the response has begun"
        assert site.get("/short/").text == "short"
        assert site.get("/healthz").status_code == 200
        head, body = slowly(site.reader("/transcript/", receive_buffer=64 * 1024))
        assert head.startswith(b"HTTP/1.1 200")
        assert hashlib.sha256(body).hexdigest() == transcript_hash()
        wait_until(lambda: all(map(is_cut, readers)), "the readers of nothing are closed")
        wait_until(lambda: site.files() == 0, "nothing of theirs is left in the worker")
        assert site.interface.log.count("closing its connection") == READERS


def test_a_reader_that_goes_takes_its_response_along(site: Site) -> None:
    reader = site.reader("/transcript/")
    wait_until(lambda: site.files() == 1, "the rest of the response is in a file")
    reader.close()
    wait_until(lambda: site.files() == 0, "the file is gone")


def test_small_responses_that_lie_unread_and_connections_that_are_idle(tmp_path: Path) -> None:
    with running(tmp_path, STALL_TIMEOUT="3") as site:
        idle = site.reader("/short/", close=False)
        assert b"short" in idle.recv(4096)
        # What one request leaves in the transport is little: the system takes megabytes. So there are many, sent ahead.
        unread = site.reader("/medium/", close=False)
        unread.sendall(request("/medium/", close=False) * 20)
        wait_until(lambda: is_cut(unread), "the client that reads nothing is closed")
        idle.sendall(request("/short/", close=False))
        assert b"short" in idle.recv(4096), "the one that owed nothing is not"
        assert site.interface.log.count("closing its connection") == 1


def test_what_waits_for_all_clients_together_is_bounded(tmp_path: Path) -> None:
    with running(tmp_path, UNSENT_BYTES=str(3 * 1024 * 1024)) as site:
        readers = [site.reader("/content/") for _ in range(6)]
        wait_until(lambda: any(map(is_cut, readers)), "some are closed, long before their time")
        assert site.get("/content/").content == b"c" * BIG, "who reads is not"
        assert not all(map(is_cut, readers))


def test_long_pieces_and_files_come_whole(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(os.urandom(BIG))
    with ExitStack() as stack:
        waiting = [stack.enter_context(site.reader("/content/")) for _ in range(4)]
        waiting += [stack.enter_context(site.reader(f"/file/?name={tmp_path / 'file'}")) for _ in range(4)]
        for reader in waiting:
            assert select.select([reader], [], [], SOON)[0], "the response has begun"
        assert site.get("/short/").text == "short"
        assert site.get("/content/").content == b"c" * BIG
        assert site.get(f"/file/?name={tmp_path / 'file'}").content == (tmp_path / "file").read_bytes()


def test_a_response_that_raises_is_cut_off(site: Site, tmp_path: Path) -> None:
    reader = site.reader(f"/breaks/?go={tmp_path / 'go'}")
    received = b""
    while b"begun" not in received:
        received += reader.recv(1000)
    (tmp_path / "go").touch()
    wait_until(lambda: is_cut(reader), "the client is cut off")
    assert "ZeroDivisionError" in site.worker.log
    assert site.get("/short/").text == "short"


def test_events_go_on_for_as_long_as_they_are_read(site: Site, tmp_path: Path) -> None:
    ticks = tmp_path / "ticks"
    url, headers = f"{site.interface.url}/endless/?ticks={ticks}", {"accept-encoding": "identity"}
    with httpx.stream("GET", url, headers=headers, timeout=SOON) as response:
        events = response.iter_text()
        assert next(events) == "data: hello\n\n"
        for size in range(1, 4):
            with ticks.open("ab") as file:
                file.write(b"x")
            assert next(events) == f"data: {size}\n\n", "each event comes by itself, as it happens"
        assert site.get("/short/").text == "short"
    wait_until(lambda: (tmp_path / "ticks.closed").exists(), "the view's generator is closed")


def test_a_worker_ends_though_a_view_goes_on_for_ever(tmp_path: Path) -> None:
    with running(tmp_path, DRAIN_TIMEOUT="0.5") as site:
        ticks = tmp_path / "ticks"
        ticks.with_suffix(".deaf").touch()
        reader = site.reader(f"/endless/?ticks={ticks}")
        assert select.select([reader], [], [], SOON)[0], "the response has begun"
        assert site.worker.terminate() == 0


def test_a_worker_that_ends_cuts_off_what_nobody_reads(tmp_path: Path) -> None:
    with running(tmp_path, DRAIN_TIMEOUT="0.5") as site:
        reader = site.reader("/transcript/")
        wait_until(lambda: site.files() == 1, "the rest of the response is in a file")
        assert site.worker.terminate() == 0
        wait_until(lambda: is_cut(reader), "the client is cut off")


def test_a_worker_that_ends_lets_a_reader_finish(tmp_path: Path) -> None:
    with running(tmp_path, DRAIN_TIMEOUT="60") as site:
        reader = site.reader("/transcript/", receive_buffer=64 * 1024)
        wait_until(lambda: site.files() == 1, "the rest of the response is in a file")
        site.worker.signal(signal.SIGTERM)
        site.worker.wait_for_log("finishing what was begun")
        _, body = slowly(reader)
        assert hashlib.sha256(body).hexdigest() == transcript_hash()
        assert site.worker.wait() == 0


def slowly(wire: socket.socket) -> tuple[bytes, bytes]:
    """The head and the body of a response in chunks, read at about a megabyte a second."""
    received = bytearray()
    while chunk := wire.recv(32 * 1024):
        received += chunk
        time.sleep(0.02)  # the rate is the point
    head, _, rest = bytes(received).partition(b"\r\n\r\n")
    return head, unchunked(rest)


def unchunked(raw: bytes) -> bytes:
    """The body of a chunked response, which has to be whole."""
    place, chunks = 0, list[bytes]()
    while True:
        end = raw.index(b"\r\n", place)
        size = int(raw[place:end], 16)
        if not size:
            assert raw[end:] == b"\r\n\r\n"
            return b"".join(chunks)
        chunks.append(raw[end + 2 : end + 2 + size])
        assert len(chunks[-1]) == size
        place = end + 2 + size + 2


def is_cut(wire: socket.socket) -> bool:
    """Whether the connection was reset."""
    poll = select.poll()
    poll.register(wire, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
