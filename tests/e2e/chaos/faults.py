"""Each way to break it, and how it is mended.

A fault is a coroutine function that breaks something, holds it, mends it, and returns. It notes in its `Fault` which
interfaces may close sockets because of it, and what it found wrong itself. Which one comes when, and whom it hits, is
drawn by the seed; when exactly it hits, the machine decides.
"""

from __future__ import annotations

import asyncio
import random
import select
import signal
import socket
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from switchboard.testing.waiting import await_until
from tests.e2e.chaos.crowd import Crowd
from tests.e2e.chaos.history import Fault, Sent
from tests.e2e.chaos.site import Stage
from tests.e2e.chaos.words import DEADLY, POISON

#: Seconds. Longer than a worker's lease (4), shorter than what SQLite waits for a lock (20): it may have been frozen
#: inside a transaction.
FREEZE_WORKER: Final = 9.0
WORKERS_GONE: Final = 30.0
#: Seconds; less than an interface's lease (45), so nobody may take its sockets away.
FREEZE_INTERFACE: Final = 20.0
#: Seconds; longer than that lease.
CUT_OFF: Final = 60.0
FREEZE_REDIS: Final = 30.0
#: Longer than SQLite waits for a lock (20): consumers are told "database is locked", and are run again.
LOCK_DATABASE: Final = 30.0
#: Seconds without a Redis, and of talk between the moment that comes back and the one that is lost.
NO_REDIS: Final = 2.0
FORGOTTEN: Final = 3.0
#: Seconds until something that has to happen happened.
LIMIT: Final = 60.0
#: Seconds until a message that ends its workers is given up. Each of four workers first has to be started, ten seconds
#: on a busy machine, and to watch the one before it for a lease.
GIVEN_UP: Final = 150.0
#: Messages of 5.7 KB: more than the bound of 1 MiB and what both kernels' buffers take.
FLOOD: Final = 800
#: Messages of the flood that may wait for their acknowledgement: far from what a socket may send ahead (256 KiB).
AHEAD: Final = 20


@dataclass
class Trouble:
    """What a fault can reach, and its own chance."""

    stage: Stage
    crowd: Crowd
    chance: random.Random

    async def wait(self, seconds: float) -> None:
        """Hold the fault: time is what it consists of."""
        await asyncio.sleep(seconds)


# -- workers: none of these may close a socket


async def worker_term(trouble: Trouble, fault: Fault) -> None:
    worker = trouble.chance.choice(trouble.stage.workers)
    fault.target = worker.name
    if status := await asyncio.to_thread(worker.terminate, LIMIT):
        fault.found.append(f"{worker.name} ended with {status} on SIGTERM")
    await asyncio.to_thread(worker.start)


async def worker_kill(trouble: Trouble, fault: Fault) -> None:
    worker = trouble.chance.choice(trouble.stage.workers)
    fault.target = worker.name
    await asyncio.to_thread(worker.kill)
    await asyncio.to_thread(worker.start)


async def worker_freeze(trouble: Trouble, fault: Fault) -> None:
    worker = trouble.chance.choice(trouble.stage.workers)
    fault.target = worker.name
    worker.signal(signal.SIGSTOP)
    await trouble.wait(FREEZE_WORKER)
    worker.signal(signal.SIGCONT)


async def workers_gone(trouble: Trouble, fault: Fault) -> None:
    fault.target = "all workers"
    for worker in trouble.stage.workers:
        await asyncio.to_thread(worker.kill)
    await trouble.wait(WORKERS_GONE)
    for worker in trouble.stage.workers:
        await asyncio.to_thread(worker.start)


async def consumer_raises(trouble: Trouble, fault: Fault) -> None:
    """Messages that make their consumer raise: v1 is told, and what comes after them is handled."""
    fault.target = "ten messages"
    people = trouble.chance.sample(trouble.crowd.clients, min(10, len(trouble.crowd.clients)))
    said = [sent for person in people if (sent := await person.say(POISON)) is not None]
    await _all_refused([sent for sent in said if sent.cid is not None])


async def deadly_message(trouble: Trouble, fault: Fault) -> None:
    """One message that ends every worker that runs it, until it is given up."""
    person = trouble.chance.choice(trouble.crowd.modern)
    sent = await person.say(DEADLY)
    fault.target = f"{sent.text!r}"

    async def refused() -> bool:
        for worker in trouble.stage.workers:
            if not worker.running:
                await asyncio.to_thread(worker.start)
        return sent.refused is not None

    await _gently(await_until(refused, "the message to be given up", timeout=GIVEN_UP))
    for worker in trouble.stage.workers:
        if not worker.running:
            await asyncio.to_thread(worker.start)


async def database_locked(trouble: Trouble, fault: Fault) -> None:
    fault.target = "the database"
    with closing(sqlite3.connect(trouble.stage.database, isolation_level=None, timeout=30)) as database:
        database.execute("BEGIN IMMEDIATE")
        await trouble.wait(LOCK_DATABASE)
        database.execute("ROLLBACK")


# -- interfaces


async def interface_kill(trouble: Trouble, fault: Fault) -> None:
    interface = trouble.chance.choice(trouble.stage.interfaces)
    fault.target, fault.interfaces = interface.name, frozenset({interface.name})
    await asyncio.to_thread(interface.kill)
    await asyncio.to_thread(interface.start)


async def interface_term(trouble: Trouble, fault: Fault) -> None:
    interface = trouble.chance.choice(trouble.stage.interfaces)
    fault.target, fault.interfaces = interface.name, frozenset({interface.name})
    if status := await asyncio.to_thread(interface.terminate, LIMIT):
        fault.found.append(f"{interface.name} ended with {status} on SIGTERM")
    await asyncio.to_thread(interface.start)


async def interface_freeze(trouble: Trouble, fault: Fault) -> None:
    interface = trouble.chance.choice(trouble.stage.interfaces)
    fault.target = interface.name
    interface.signal(signal.SIGSTOP)
    await trouble.wait(FREEZE_INTERFACE)
    interface.signal(signal.SIGCONT)


async def interface_cut_off(trouble: Trouble, fault: Fault) -> None:
    """From Redis, for longer than its lease: its sockets are taken away from it, and it has to close them."""
    interface = trouble.chance.choice(trouble.stage.interfaces)
    fault.target, fault.interfaces = interface.name, frozenset({interface.name})
    await asyncio.to_thread(trouble.stage.redis.cut, interface.name)
    await trouble.wait(CUT_OFF)
    trouble.stage.redis.mend(interface.name)


# -- Redis


async def redis_empty(trouble: Trouble, fault: Fault) -> None:
    redis, fault.target, fault.forgets = trouble.stage.redis, "redis, without data", True
    unreported = await asyncio.to_thread(trouble.stage.unreported)
    await asyncio.to_thread(redis.kill)
    await trouble.wait(NO_REDIS)
    await asyncio.to_thread(redis.start)
    await _note_lost(trouble, fault, unreported)


async def redis_old(trouble: Trouble, fault: Fault) -> None:
    redis, fault.target, fault.forgets = trouble.stage.redis, "redis, with old data", True
    await asyncio.to_thread(redis.keep)
    await trouble.wait(FORGOTTEN)
    unreported = await asyncio.to_thread(trouble.stage.unreported)
    await asyncio.to_thread(redis.kill)
    await trouble.wait(NO_REDIS)
    await asyncio.to_thread(redis.come_back_old)
    await _note_lost(trouble, fault, unreported)


async def _note_lost(trouble: Trouble, fault: Fault, unreported: frozenset[str]) -> None:
    """Which of the records are gone, now that Redis is back."""
    fault.lost = unreported - await asyncio.to_thread(trouble.stage.records)


async def redis_freeze(trouble: Trouble, fault: Fault) -> None:
    redis, fault.target = trouble.stage.redis, "redis"
    redis.signal(signal.SIGSTOP)
    await trouble.wait(FREEZE_REDIS)
    redis.signal(signal.SIGCONT)


async def failover(trouble: Trouble, fault: Fault) -> None:
    """The master dies, Sentinel promotes the replica; the old master comes back as the new one's replica."""
    watched = trouble.stage.watched
    assert watched is not None, "this fault needs a stage with a Sentinel"
    await await_until(lambda: asyncio.to_thread(watched.replicates), "a replica to promote", timeout=LIMIT)
    master = await asyncio.to_thread(watched.master)
    fault.target, fault.forgets = master.name, True
    unreported = await asyncio.to_thread(trouble.stage.unreported)
    await asyncio.to_thread(master.kill)
    new = await await_until(lambda: _other_master(trouble, master.port), "another master", timeout=LIMIT)
    await _note_lost(trouble, fault, unreported)
    master.command += ["--replicaof", "127.0.0.1", str(new)]
    await asyncio.to_thread(master.start)


async def _other_master(trouble: Trouble, port: int) -> int | None:
    assert trouble.stage.watched is not None
    found = (await asyncio.to_thread(trouble.stage.watched.master)).port
    return None if found == port else found


# -- clients


async def storm(trouble: Trouble, fault: Fault) -> None:
    """Half of all leave and come back at once."""
    people = trouble.chance.sample(trouble.crowd.clients, len(trouble.crowd.clients) // 2)
    fault.target = f"{len(people)} clients"
    await asyncio.gather(*(person.leave("storm") for person in people))


async def stalled_reader(trouble: Trouble, fault: Fault) -> None:
    """A client reads nothing while its room is flooded with more than the bound and the kernel's buffers hold."""
    speaker = trouble.chance.choice(trouble.crowd.modern)
    fault.target = f"a reader in {speaker.person.room}"
    interface = trouble.chance.choice(trouble.stage.interfaces)
    path = f"/chat/{speaker.person.room}/?socket=stalled-{time.monotonic():.0f}.1"
    with await asyncio.to_thread(_handshake, interface.port, path) as stalled:
        for _ in range(FLOOD):
            await speaker.say("\N{SNOWMAN}" * 1_900)
            await _gently(await_until(lambda: len(speaker.outbox) < AHEAD, "acknowledgements", timeout=LIMIT))
        poll = select.poll()
        poll.register(stalled, 0)  # hang-up and errors are always told
        closed = await _gently(await_until(lambda: poll.poll(0), "the stalled socket to be closed", timeout=20.0))
    if not closed:
        fault.found.append(f"a client that reads nothing was not closed after {FLOOD * 5.7 / 1000:.1f} MB")


def _handshake(port: int, path: str) -> socket.socket:
    """A WebSocket of the classic dialect, whose frames nobody will read."""
    wire = socket.socket()
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    wire.settimeout(30)
    wire.connect(("127.0.0.1", port))
    wire.sendall(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    answer = wire.recv(64)
    assert answer.startswith(b"HTTP/1.1 101"), answer
    return wire


async def _all_refused(said: list[Sent]) -> None:
    await _gently(await_until(lambda: all(sent.refused for sent in said), "all to be refused", timeout=LIMIT))


async def _gently(waiting: Awaitable[object]) -> bool:
    """Whether it came; if not, the checker will say so with more detail."""
    try:
        await waiting
    except AssertionError:
        return False
    return True


Act = Callable[[Trouble, Fault], Awaitable[None]]

#: By the names that the command line and the report use.
WORKER_FAULTS: Final[Mapping[str, Act]] = {
    "worker-term": worker_term,
    "worker-kill": worker_kill,
    "worker-freeze": worker_freeze,
    "workers-gone": workers_gone,
    "consumer-raises": consumer_raises,
    "deadly-message": deadly_message,
    "database-locked": database_locked,
}
FAULTS: Final[Mapping[str, Act]] = {
    **WORKER_FAULTS,
    "interface-kill": interface_kill,
    "interface-term": interface_term,
    "interface-freeze": interface_freeze,
    "interface-cut-off": interface_cut_off,
    "redis-empty": redis_empty,
    "redis-old": redis_old,
    "redis-freeze": redis_freeze,
    "failover": failover,
    "storm": storm,
    "stalled-reader": stalled_reader,
}
#: Needs a stage of its own, on which Redis is watched by a Sentinel.
WITH_SENTINEL: Final = frozenset({"failover"})


def schedule(counts: Mapping[str, int], seed: int) -> list[str]:
    """Each kind as often as wanted, in an order drawn by the seed."""
    names = [name for name, count in sorted(counts.items()) for _ in range(count)]
    random.Random(f"{seed} schedule").shuffle(names)
    return names
