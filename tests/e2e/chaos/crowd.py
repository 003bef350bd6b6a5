"""All who chat: who is in which room with which dialect, and the pace at which they talk."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from switchboard.testing.waiting import await_until
from tests.e2e.chaos.clients import Addresses, Client, Old
from tests.e2e.chaos.history import Fault, History, Person
from tests.e2e.chaos.modern import Modern

#: Members of a room. Rooms of very different sizes meet different paths, but each needs a few to compare what they saw.
MEMBERS: Final = 10
#: Of ten in a room, who speaks what.
DIALECTS: Final = ("v1", "v1", "classic", "v1", "tutorial", "v1", "v1", "classic", "v1", "v1")
#: The room without a name in its path, which has a dialect of its own.
PUBLIC: Final = "public"
#: Seconds between two handfuls of messages.
TICK: Final = 0.02


class Crowd:
    """``sockets`` clients; `talk` says ``rate`` messages a second, by people drawn by the seed."""

    def __init__(self, history: History, addresses: Addresses, *, sockets: int, interfaces: int, seed: int) -> None:
        self.history = history
        self._random = random.Random(f"{seed} crowd")
        self.clients: list[Client] = []
        for number in range(sockets):
            place, seat = divmod(number, MEMBERS)
            room, dialect = (PUBLIC if place == 0 else f"room-{place}"), DIALECTS[seat]
            if room == PUBLIC and dialect == "classic":
                dialect = "public"
            person = Person(f"{dialect}-{number}", room, dialect)
            history.people.append(person)
            kind = Modern if dialect == "v1" else Old
            self.clients.append(kind(person, addresses, number % interfaces, f"{seed} {number}", history.now))
        self._tasks: list[asyncio.Task[None]] = []
        self._talking: asyncio.Task[None] | None = None

    @property
    def modern(self) -> list[Modern]:
        return [client for client in self.clients if isinstance(client, Modern)]

    # -- coming, talking, going

    async def come(self, timeout: float) -> None:
        """Everybody connects, a few at a time; AssertionError when that takes too long."""
        for client in self.clients:
            self._tasks.append(asyncio.create_task(client.run(), name=client.person.name))
            await asyncio.sleep(TICK / 4)
        await await_until(self.all_there, "everybody in their rooms", timeout=timeout)

    def all_there(self) -> bool:
        return all(c.connected for c in self.clients) and all(c.welcomed for c in self.modern)

    def talk(self, rate: float) -> None:
        self._talking = asyncio.create_task(self._talk(rate), name="talk")

    async def hush(self) -> None:
        if self._talking is not None:
            self._talking.cancel()
            await asyncio.gather(self._talking, return_exceptions=True)

    async def go(self) -> None:
        """Everybody closes their socket and stays away."""
        await asyncio.gather(*(client.stop() for client in self.clients))
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                raise error

    async def _talk(self, rate: float) -> None:
        due, last = 0.0, time.monotonic()
        while True:
            await asyncio.sleep(TICK)
            now = time.monotonic()
            due, last = due + rate * (now - last), now
            while due >= 1:
                due -= 1
                await self._random.choice(self.clients).say()
            self._mend()

    def _mend(self) -> None:
        """A client that failed is a mistake in here, and is said at once."""
        for task in self._tasks:
            if task.done() and not task.cancelled() and (error := task.exception()):
                raise error

    # -- how they are

    async def settle(self, fault: Fault, patience: float) -> None:
        """Wait until everybody is back and what was said before now is acknowledged, at most ``patience`` seconds."""
        now = self.history.now()

        def settled() -> bool:
            waiting = (sent for client in self.modern for sent in client.outbox.values())
            return self.all_there() and not any(sent.at < now for sent in waiting)

        with suppress(AssertionError):
            await await_until(settled, "everything to settle", timeout=patience)
        fault.settled = self.history.now()

    async def calm_down(
        self, is_waiting: Callable[[], bool], last_seqs: Callable[[], dict[str, int]], patience: float
    ) -> None:
        """After the last word: wait until all is acknowledged and has arrived, at most ``patience`` seconds.

        What somebody said in an old dialect on a socket that is gone by now is acknowledged to nobody: it may still be
        under way, held by a worker that does not know of it, until a lease is over.
        """

        async def calm() -> bool:
            if not self.all_there() or any(client.outbox for client in self.modern):
                return False
            if not all(client.heard_itself() for client in self.clients if isinstance(client, Old)):
                return False
            if await asyncio.to_thread(is_waiting):
                return False
            numbers = await asyncio.to_thread(last_seqs)
            await asyncio.sleep(0.25)  # it is the database that is asked
            return all(client.last == numbers.get(client.person.room, 0) for client in self.modern)

        with suppress(AssertionError):
            await await_until(calm, "calm", timeout=patience)
            # The old dialects have no numbers to compare; what they get leaves in the same moment.
            await asyncio.sleep(1.0)
