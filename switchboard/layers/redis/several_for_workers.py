"""What workers ask of several hosts: a tag says on which of them a message is.

See `several`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count as counting
from typing import Final, TypeVar

from switchboard.events import Output
from switchboard.exceptions import LayerUnavailable
from switchboard.layers.base import Attempt, Commit, DeadLetter, Delivery, Pending
from switchboard.layers.redis.host import Host
from switchboard.layers.redis.several import Several

#: Seconds that `take` waits on one host before it looks at the next.
_TURN: Final = 0.1

Tagged = TypeVar("Tagged", Delivery, Pending, DeadLetter)


class SeveralForWorkers(Several):
    """The methods for workers; the contract is `Layer`'s."""

    def __init__(self) -> None:
        self._turns = counting()

    # -- tags

    def _out(self, place: int, found: Tagged) -> Tagged:
        return found if len(self._hosts) == 1 else replace(found, tag=f"{place}.{found.tag}")

    def _in(self, given: Tagged) -> tuple[Host, Tagged]:
        host, tag = self._split(given.tag)
        return host, replace(given, tag=tag)

    def _split(self, tag: str) -> tuple[Host, str]:
        place, dot, inner = tag.partition(".")
        if len(self._hosts) > 1 and dot and place in {str(n) for n in range(len(self._hosts))}:
            return self._hosts[int(place)], inner
        return self._hosts[0], tag

    # -- messages

    async def take(self, worker: str, channels: Collection[str], *, count: int, wait: float) -> Sequence[Delivery]:
        if len(self._hosts) == 1:
            return await self._hosts[0].take(worker, channels, count=count, wait=wait)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait
        while True:
            taken = await self._take_now(worker, channels, count)
            left = deadline - loop.time()
            if taken or left <= 0:
                return taken
            place = next(self._turns) % len(self._hosts)
            try:
                waited = await self._hosts[place].take(worker, channels, count=count, wait=min(left, _TURN))
            except LayerUnavailable:
                await asyncio.sleep(min(left, _TURN))  # where nobody waits for us, we wait
                continue
            if waited:
                return [self._out(place, delivery) for delivery in waited]

    async def _take_now(self, worker: str, channels: Collection[str], count: int) -> list[Delivery]:
        """What is there. A channel of which one host had something is not asked for on the next."""
        taken: list[Delivery] = []
        away: list[LayerUnavailable] = []
        first = next(self._turns)
        for turn in range(len(self._hosts)):
            place = (first + turn) % len(self._hosts)
            had = {delivery.channel for delivery in taken}
            left = [channel for channel in channels if channel not in had]
            try:
                found = await self._hosts[place].take(worker, left, count=count, wait=0)
            except LayerUnavailable as error:
                away.append(error)
                continue
            taken += [self._out(place, delivery) for delivery in found]
        if len(away) == len(self._hosts):
            raise away[0]
        return taken

    async def commit_all(self, worker: str, commits: Sequence[Commit]) -> Sequence[bool]:
        answers: dict[int, bool] = {}
        for host in self._hosts:
            inner = [self._in(commit.delivery) for commit in commits]
            here = [place for place, (home, _) in enumerate(inner) if home is host]
            if here:
                there = await host.commit_all(worker, [replace(commits[n], delivery=inner[n][1]) for n in here])
                answers.update(zip(here, there, strict=True))
        return [answers[place] for place in range(len(commits))]

    async def bury(self, worker: str, delivery: Delivery, outputs: Sequence[Output] = (), *, reason: str) -> bool:
        host, delivery = self._in(delivery)
        return await host.bury(worker, delivery, outputs, reason=reason)

    async def claim_request(self, worker: str, delivery: Delivery) -> bool:
        host, delivery = self._in(delivery)
        return await host.claim_request(worker, delivery)

    async def await_reports(self, channels: Collection[str], *, wait: float) -> Mapping[str, int]:
        by_host: dict[Host, list[str]] = {}
        for channel in channels:
            by_host.setdefault(self._home_of(channel), []).append(channel)
        hosts = list(by_host)
        if len(hosts) == 1:
            return await hosts[0].await_reports(channels, wait=wait)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait
        while True:
            found: dict[str, int] = {}
            for host in hosts:
                with suppress(LayerUnavailable):
                    found |= await host.await_reports(by_host[host], wait=0)
            left = deadline - loop.time()
            if found or left <= 0 or not hosts:
                return found
            # In turns, as in `take`: a call that waits may not be cancelled because another host has something.
            host = hosts[next(self._turns) % len(hosts)]
            try:
                found |= await host.await_reports(by_host[host], wait=min(left, _TURN))
            except LayerUnavailable:
                await asyncio.sleep(min(left, _TURN))
            if found:
                return found

    # -- leases

    async def renew(self, worker: str, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        lost: list[Delivery] = []
        for place, host in enumerate(self._hosts):
            here = [inner for found, inner in map(self._in, deliveries) if found is host]
            lost += [self._out(place, delivery) for delivery in await host.renew(worker, here)]
        return [delivery for delivery in deliveries if delivery in lost]

    async def pending(self, channels: Collection[str], *, idle: float) -> Sequence[Pending]:
        answers = await self._ask_all(lambda host: host.pending(channels, idle=idle))
        return [self._out(place, pending) for place, found in answers for pending in found]

    async def take_over(self, worker: str, pending: Pending) -> Delivery | None:
        host, inner = self._in(pending)
        delivery = await host.take_over(worker, inner)
        return None if delivery is None else self._out(self._hosts.index(host), delivery)

    async def begin(self, worker: str, delivery: Delivery) -> Attempt:
        host, delivery = self._in(delivery)
        return await host.begin(worker, delivery)

    async def forgive(self, worker: str, delivery: Delivery) -> None:
        host, delivery = self._in(delivery)
        await host.forgive(worker, delivery)

    async def beat_worker(self, worker: str) -> None:
        await self._ask_all(lambda host: host.beat_worker(worker))

    async def worker_beats(self) -> Mapping[str, int]:
        """Beats are counted on each host, and added up: the sum moves as long as any does."""
        sums: Counter[str] = Counter()
        for _, beats in await self._ask_all(lambda host: host.worker_beats()):
            sums.update(beats)
        return sums

    async def retire(self, worker: str, channels: Collection[str]) -> None:
        await self._ask_all(lambda host: host.retire(worker, channels))

    # -- dead letters

    async def dead_letters(self) -> Sequence[DeadLetter]:
        answers = await self._ask_all(lambda host: host.dead_letters())
        letters = [self._out(place, letter) for place, found in answers for letter in found]
        return sorted(letters, key=lambda letter: letter.at)

    async def revive(self, tag: str) -> bool:
        host, inner = self._split(tag)
        return await host.revive(inner)

    async def drop_dead_letter(self, tag: str) -> bool:
        host, inner = self._split(tag)
        return await host.drop_dead_letter(inner)
