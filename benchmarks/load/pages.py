"""Pages over HTTP: so many connections, each asking for the room's page again as soon as it has it.

Connections are kept where the server keeps them. One that the server closes is opened anew, and the time that takes is
part of the latency of the page that waits for it.
"""

from __future__ import annotations

import asyncio
from time import monotonic, process_time
from typing import Any
from urllib.parse import urlsplit

from benchmarks.load.crowd import label
from benchmarks.load.marks import Marks
from benchmarks.samples import Samples, Spread, no_samples

__all__ = ["read"]


class Tally:
    """What all readers together have seen."""

    def __init__(self) -> None:
        self.measuring = False
        self.latencies: Samples = no_samples()
        self.pages = self.refused = self.broken = self.bytes = 0
        self.status = ""


async def _reader(host: str, port: int, path: str, tally: Tally) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: text/html\r\n\r\n".encode()
    wire: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    try:
        while True:
            begun, counted = monotonic(), tally.measuring
            try:
                if wire is None:
                    wire = await asyncio.open_connection(host, port)
                wire[1].write(request)
                status, size, keep = await _response(wire[0])
            except (ConnectionError, asyncio.IncompleteReadError):
                tally.broken += 1
                status, size, keep = b"", 0, False
            if status.startswith(b"200"):
                tally.pages += 1
                tally.bytes = size
                if counted:
                    tally.latencies.append(monotonic() - begun)
            elif status:
                tally.refused += 1
                tally.status = status.decode()
            if not keep and wire is not None:
                wire[1].close()
                wire = None
    finally:
        if wire is not None:
            wire[1].close()


async def _response(reader: asyncio.StreamReader) -> tuple[bytes, int, bool]:
    """Status, size of the body, and whether the connection stays."""
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head[:-4].split(b"\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
    length = headers.get(b"content-length")
    body = await reader.read() if length is None else await reader.readexactly(int(length))
    keep = length is not None and headers.get(b"connection", b"").lower() != b"close"
    return first.split(b" ", 1)[1], len(body), keep


async def read(
    url: str, *, connections: int, warm_up: float, seconds: float, marks: Marks
) -> tuple[dict[str, Any], Samples]:
    """Ask for the page of the first room on so many connections."""
    parts = urlsplit(url)
    tally = Tally()
    path = f"/chat/{label(0)}/"
    readers = [
        asyncio.create_task(_reader(str(parts.hostname), int(parts.port or 80), path, tally))
        for _ in range(connections)
    ]
    await asyncio.sleep(warm_up)
    await marks.reach("warm")
    tally.measuring, begun, cpu, pages = True, monotonic(), process_time(), tally.pages
    await asyncio.sleep(seconds)
    took, cpu, pages = monotonic() - begun, process_time() - cpu, tally.pages - pages
    tally.measuring = False
    await marks.reach("measured")
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    spread = Spread.of(tally.latencies)
    facts = {
        "seconds": round(took, 3),
        "messages": pages,
        "pages_per_second": round(pages / took, 1),
        "page_bytes": tally.bytes,
        "latency_ms": None if spread is None else spread.as_json(),
        "refused": tally.refused,
        "refusal": tally.status,
        "broken": tally.broken,
        "generator": round(cpu / took, 3),
    }
    return facts, tally.latencies
