"""Sending an HTTP response in parts, no faster than its interface writes it.

A response of a gigabyte must not lie in Redis because the client's line is slow. So the worker sends at most
``SWITCHBOARD["HTTP_WINDOW_BYTES"]`` ahead: it asks the interface to report once a part has been written, and
waits for a report when the window is full. A response smaller than half the window never waits or reports.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from switchboard.bridging import call
from switchboard.channels import Channel
from switchboard.conf import get_settings
from switchboard.exceptions import SwitchboardError
from switchboard.layers.base import Layer

#: A part is cut to this many bytes: what one entry of an inbox should hold.
PART_BYTES = 256 * 1024
#: The client is given up when the interface wrote nothing of what lies there for so many seconds.
STALLED_SECONDS = 60.0


class ClientGone(SwitchboardError):
    """The client closed its connection, or stopped reading."""


class ResponseWriter:
    """Sends the parts of one response, in a thread of a worker. ``status`` and headers go with the first."""

    def __init__(self, layer: Layer, reply_channel: Channel, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self._layer = layer
        self._channel = reply_channel
        self._window = get_settings().HTTP_WINDOW_BYTES
        self._head: dict[str, Any] = {"status": status, "headers": headers}
        self._sent = 0
        self._asked = 0
        self._written = 0

    def write(self, content: bytes, *, more: bool) -> None:
        """Send ``content``; ``more`` follows, or this was all.

        Raises:
            ClientGone: nobody is there to read any more.
        """
        for part, last in _parts(content):
            self._send(part, more=more or not last)

    def _send(self, part: bytes, *, more: bool) -> None:
        self._wait_for_room()
        self._sent += len(part)
        content = {**self._head, "content": part, "more_content": more}
        self._head = {}
        if more and self._sent - self._asked >= self._window // 2:
            self._asked = self._sent
            content["report"] = self._sent
        self._channel.send(content)

    def _wait_for_room(self) -> None:
        while self._sent - self._written >= self._window:
            written = call(self._layer, lambda layer: layer.await_report(self._channel.name, wait=STALLED_SECONDS))
            if written is None or written < 0:
                raise ClientGone(self._channel.name)
            self._written = written


def _parts(content: bytes) -> Iterator[tuple[bytes, bool]]:
    """``content`` in pieces of `PART_BYTES`, at least one, each with whether it is the last."""
    for start in range(0, max(len(content), 1), PART_BYTES):
        yield content[start : start + PART_BYTES], start + PART_BYTES >= len(content)
