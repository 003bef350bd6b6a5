"""Sending an HTTP response in parts, no faster than its interface writes it.

A response of a gigabyte must not lie in Redis because the client's line is slow. So the worker sends at most
``SWITCHBOARD["HTTP_WINDOW_BYTES"]`` ahead: it asks the interface to report once a part has been written, and
waits for a report when the window is full. A response smaller than half the window never waits or reports.

All responses of an interface together are bounded as well: a part is sent only while its inbox holds at most
``SWITCHBOARD["INBOX_WINDOW_BYTES"]`` that it has not read. A small part nearly always finds room beside large ones.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

from switchboard.bridging import call
from switchboard.channels import Channel
from switchboard.conf import get_settings
from switchboard.events import Reply
from switchboard.exceptions import InboxFull, SwitchboardError
from switchboard.layers.base import Layer

#: A part is cut to this many bytes: what one entry of an inbox should hold.
PART_BYTES = 256 * 1024
#: The client is given up when the interface wrote nothing of what lies there for so many seconds.
STALLED_SECONDS = 60.0
#: Seconds between two tries to send a part while the inbox is full: at first, and at most.
MIN_PAUSE = 0.005
MAX_PAUSE = 0.1


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
        call(self._layer, lambda layer: _send_when_read(layer, Reply(self._channel.name, content)))

    def _wait_for_room(self) -> None:
        while self._sent - self._written >= self._window:
            written = call(self._layer, lambda layer: layer.await_report(self._channel.name, wait=STALLED_SECONDS))
            if written is None or written < 0:
                raise ClientGone(self._channel.name)
            self._written = written


async def _send_when_read(layer: Layer, part: Reply) -> None:
    """Send ``part`` as soon as its interface has read enough of its inbox: one that stands still must not have Redis
    filled with what it will write.

    Raises:
        ClientGone: the interface read nothing for `STALLED_SECONDS`.
    """
    window = get_settings().INBOX_WINDOW_BYTES
    deadline = time.monotonic() + STALLED_SECONDS
    pause = MIN_PAUSE
    while True:
        try:
            return await layer.publish([part], window=window)
        except InboxFull as full:
            if time.monotonic() >= deadline:
                raise ClientGone(part.channel) from full
        await asyncio.sleep(pause)
        pause = min(2 * pause, MAX_PAUSE)


def _parts(content: bytes) -> Iterator[tuple[bytes, bool]]:
    """``content`` in pieces of `PART_BYTES`, at least one, each with whether it is the last."""
    for start in range(0, max(len(content), 1), PART_BYTES):
        yield content[start : start + PART_BYTES], start + PART_BYTES >= len(content)
