"""What goes over Redis while people chat, seen by Redis itself."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from websockets.sync.client import connect

from switchboard.testing.processes import PrivateRedis
from switchboard.testing.waiting import wait_until
from tests.site import HANDSHAKE, Site, running_site

pytestmark = [pytest.mark.redis, pytest.mark.timeout(300)]


class Monitor:
    """Redis' MONITOR: every command it ran, also those inside scripts, while the block lasts."""

    def __init__(self, redis: PrivateRedis) -> None:
        self._wire = socket.socket(socket.AF_UNIX)
        self._wire.connect(str(redis.socket))
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        self._wire.sendall(b"MONITOR\r\n")
        self._reader.start()
        wait_until(lambda: self._lines, "MONITOR to begin")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wire.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self._wire.close()

    def _read(self) -> None:
        with self._wire.makefile("r", errors="replace") as lines:
            for line in lines:
                self._lines.append(line)

    def saw(self, *words: str) -> bool:
        """Whether one command had all these words."""
        return any(all(word in line for word in words) for line in list(self._lines))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with running_site(tmp_path) as site:
        yield site


def test_frames_go_through_the_streams_of_the_named_channels(site: Site) -> None:
    with Monitor(site.redis) as monitor:
        with connect(f"{site.websocket_url}/chat/watched/", open_timeout=HANDSHAKE) as client:
            wait_until(lambda: monitor.saw('"XADD"', "stream1:websocket.connect"), "the connect on its stream")
            client.send(json.dumps({"handle": "Ada", "message": "seen by Redis"}))
            assert json.loads(client.recv(timeout=20))["message"] == "seen by Redis"
            wait_until(lambda: monitor.saw('"XADD"', "stream1:websocket.receive", "seen by Redis"), "the frame")
        wait_until(lambda: monitor.saw('"XADD"', "stream1:websocket.disconnect"), "the disconnect")
        for channel in ("connect", "receive", "disconnect"):
            wait_until(
                lambda channel=channel: monitor.saw('"XACK"', f"stream1:websocket.{channel}"),  # type: ignore[misc]
                f"the acknowledgement of websocket.{channel}",
            )


def test_without_workers_nothing_is_answered_and_sockets_stay(site: Site) -> None:
    with connect(f"{site.websocket_url}/chat/patient/", open_timeout=HANDSHAKE) as client:
        for worker in site.workers:
            assert worker.terminate() == 0
        client.send(json.dumps({"handle": "Ada", "message": "into the silence"}))
        with pytest.raises(TimeoutError):
            client.recv(timeout=3)
        client.ping().wait(20)
        site.add_worker()
        assert json.loads(client.recv(timeout=20))["message"] == "into the silence"
