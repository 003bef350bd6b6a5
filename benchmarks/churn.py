"""``python -m benchmarks.churn``: clients come, say a little and leave; does the interface's memory stay where it is?

Forty clients share one interface. Each connects, says three short texts to a room of four, hears them, leaves, and
comes back at once under a new connection: every other time with a closing handshake, otherwise by dropping the TCP
connection. The table says how much memory (RSS) the interface had after how many connections. The line counts as flat
if the median of its last third is no more than 2 % above that of its middle third; the first third is the interface
warming up. The status is 1 if it is not flat.

With ``--hasty`` clients leave without waiting for an answer. One worker then falls behind, and what closed sockets hold
grows to its bound; the line is flat from there on, with new clients refused (1013).
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from statistics import median

import psutil
from picows import WSCloseCode, WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from switchboard.testing.processes import Daphne, PrivateRedis, Worker

SETTINGS = {"DJANGO_SETTINGS_MODULE": "benchmarks.settings"}
#: Clients at the same time, and how many of them share a room.
CLIENTS = 40
MEMBERS = 4
#: Texts that each connection says.
TEXTS = 3
#: Seconds for a handshake, an answer or a close; longer than a machine stands still that does much else.
PATIENCE = 60.0
#: Rows of the table, and seconds between two looks at the count.
SAMPLES = 60
LOOK_INTERVAL = 0.05
#: By how much the last third may be above the middle one, which is 50,000 connections earlier. One arena of pymalloc is
#: 1.3 % of the interface; a leak of 100 bytes a connection is 6 %.
TOLERANCE = 0.02
#: Characters of the longest bar.
BAR = 50


@dataclass(frozen=True, slots=True)
class Sample:
    """Memory of the interface in MB after so many connections."""

    connections: int
    rss: float


class Conversation(WSListener):
    """One connection, and what it hears."""

    def __init__(self) -> None:
        super().__init__()
        self._heard: asyncio.Queue[bytes] = asyncio.Queue()
        self.refused = False

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.TEXT:
            self._heard.put_nowait(frame.get_payload_as_bytes())
        elif frame.msg_type is WSMsgType.CLOSE:
            self.refused = True
            transport.disconnect()

    async def hear(self, text: bytes) -> None:
        """Wait for ``text``, past what others say."""
        while await self._heard.get() != text:
            pass


class Churn:
    """The clients, and how many connections they have had."""

    def __init__(self, url: str, connections: int, *, hasty: bool) -> None:
        self.begun = self.refused = self.failed = 0
        self._url = url
        self._connections = connections
        self._hasty = hasty

    async def run(self) -> None:
        async with asyncio.TaskGroup() as clients:
            for number in range(CLIENTS):
                clients.create_task(self._come_and_go(number))

    async def _come_and_go(self, client: int) -> None:
        while self.begun < self._connections:
            self.begun += 1
            connection = self.begun
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._converse(client, connection)
            except (OSError, TimeoutError, WSError) as error:
                self.failed += 1
                print(f"connection {connection}: {error!r}", file=sys.stderr)
                await asyncio.sleep(1)

    async def _converse(self, client: int, connection: int) -> None:
        conversation = Conversation()
        transport, _ = await ws_connect(lambda: conversation, f"{self._url}/churn/{client // MEMBERS}/")
        for number in range(TEXTS):
            text = f"{connection} says {number}".encode()
            transport.send(WSMsgType.TEXT, text)
            if not self._hasty:
                await conversation.hear(text)
        if self._hasty:
            await asyncio.sleep(0)  # what the server has said already, such as a refusal
        self.refused += conversation.refused
        if connection % 2:
            transport.send_close(WSCloseCode.OK)
        else:
            transport.disconnect()
        await transport.wait_disconnected()


async def measure(interface: Daphne, churn: Churn, connections: int) -> list[Sample]:
    """Run it; the samples are printed as they are taken."""
    process = psutil.Process(interface.pid)
    step = max(1, connections // SAMPLES)
    samples: list[Sample] = []
    since, counted = time.monotonic(), 0
    running = asyncio.create_task(churn.run())
    while not running.done():
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(running), LOOK_INTERVAL)
        if churn.begun - counted >= step:
            samples.append(Sample(churn.begun, process.memory_info().rss / 2**20))
            rate = (churn.begun - counted) / (time.monotonic() - since)
            since, counted = time.monotonic(), churn.begun
            print(_row(samples[-1], samples[0], rate), flush=True)
    await running
    return samples


def _row(sample: Sample, first: Sample, rate: float) -> str:
    bar = "#" * min(BAR * 2, round(BAR / 2 * sample.rss / first.rss))
    return f"{sample.connections:>11,} {sample.rss:>8.1f} {rate:>9.0f}  {bar}"


def growth(samples: Sequence[Sample]) -> float:
    """Return how far the median of the last third is above that of the middle third; 0.01 is one percent."""
    third = len(samples) // 3
    middle, last = samples[third : 2 * third], samples[2 * third :]
    return median(sample.rss for sample in last) / median(sample.rss for sample in middle) - 1


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.churn", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--connections", type=int, default=150_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--hasty", action="store_true", help="clients leave without waiting for an answer")
    options = parser.parse_args()
    with ExitStack() as stack:
        redis = stack.enter_context(PrivateRedis())
        interface = stack.enter_context(Daphne(redis.url, **SETTINGS))
        for number in range(options.workers):
            stack.enter_context(Worker(redis.url, name=f"worker-{number}", **SETTINGS))
        churn = Churn(interface.websocket_url, options.connections, hasty=options.hasty)
        print(f"{'connections':>11} {'RSS, MB':>8} {'per second':>9}")
        samples = asyncio.run(measure(interface, churn, options.connections))
    grown = growth(samples)
    flat = grown <= TOLERANCE
    print(
        f"{churn.begun:,} connections, {churn.refused:,} refused, {churn.failed:,} failed; "
        f"last third against middle third {grown:+.2%}: {'flat' if flat else 'not flat'}"
    )
    sys.exit(not flat or churn.failed > 0)


if __name__ == "__main__":
    main()
