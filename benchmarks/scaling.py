"""``python -m benchmarks.scaling``: workers are added under load; throughput rises, nothing else restarts.

Sixteen sockets of one interface send frame after frame, each as soon as the last is answered, to a consumer that keeps
a core busy (`benchmarks.consumers.burn`). One worker runs at first; every few seconds one more is started. The table
says how many answers a second came with how many workers, against the first line. On a machine of two cores the
second worker is the one that counts.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from contextlib import AsyncExitStack, ExitStack

from websockets.asyncio.client import ClientConnection, connect

from switchboard.testing.processes import Daphne, PrivateRedis, Worker

SOCKETS = 16
#: Seconds to settle after a worker was added, before counting begins.
SETTLING = 2.0
SETTINGS = {"DJANGO_SETTINGS_MODULE": "benchmarks.settings"}


class Load:
    """The sockets and the number of their answers so far."""

    def __init__(self) -> None:
        self.answers = 0

    async def keep_sending(self, socket: ClientConnection) -> None:
        while True:
            await socket.send("go")
            await socket.recv()
            self.answers += 1

    async def rate(self, seconds: float) -> float:
        """Answers a second, over the next ``seconds``."""
        before, begun = self.answers, time.monotonic()
        await asyncio.sleep(seconds)
        return (self.answers - before) / (time.monotonic() - begun)


async def measure(interface: Daphne, redis: PrivateRedis, most: int, seconds: float) -> None:
    load = Load()
    with ExitStack() as processes:
        workers = [processes.enter_context(Worker(redis.url, **SETTINGS))]
        async with AsyncExitStack() as stack:
            url = f"{interface.websocket_url}/burn/"
            sockets = [await stack.enter_async_context(connect(url)) for _ in range(SOCKETS)]
            sending = [asyncio.create_task(load.keep_sending(socket)) for socket in sockets]
            pids = [interface.pid, redis.pid, workers[0].pid]
            await asyncio.sleep(SETTLING)
            first = await load.rate(seconds)
            print(f"{'workers':>8} {'answers/s':>10} {'ratio':>6}\n{1:>8} {first:>10.1f} {1:>6.2f}")
            while len(workers) < most:
                worker = Worker(redis.url, **SETTINGS)
                workers.append(await asyncio.to_thread(processes.enter_context, worker))
                await asyncio.sleep(SETTLING)
                rate = await load.rate(seconds)
                print(f"{len(workers):>8} {rate:>10.1f} {rate / first:>6.2f}", flush=True)
            alive = not any(task.done() for task in sending)
            same = pids == [interface.pid, redis.pid, workers[0].pid] and workers[0].running and interface.running
            for task in sending:
                task.cancel()
            print(f"{os.cpu_count()} cores; sockets still open: {alive}; nothing else restarted: {same}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--workers", type=int, default=4, help="how many in the end")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each step is counted")
    options = parser.parse_args()
    with PrivateRedis() as redis, Daphne(redis.url, **SETTINGS) as interface:
        asyncio.run(measure(interface, redis, options.workers, options.seconds))


if __name__ == "__main__":
    main()
