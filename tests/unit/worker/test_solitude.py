"""Many in company, or one alone."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager

from switchboard.worker.solitude import Solitude


class Visitor:
    """Somebody who comes, stays until told to go, and goes."""

    def __init__(self, room: AbstractAsyncContextManager[None]) -> None:
        self.inside = False
        self._go = asyncio.Event()
        self._task = asyncio.create_task(self._visit(room))

    async def _visit(self, room: AbstractAsyncContextManager[None]) -> None:
        async with room:
            self.inside = True
            await self._go.wait()
        self.inside = False

    async def go(self) -> None:
        self._go.set()
        await self._task

    def give_up(self) -> None:
        self._task.cancel()


async def settle() -> None:
    """Let everything that can run, run."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_company_runs_side_by_side() -> None:
    solitude = Solitude()
    visitors = [Visitor(solitude.company()) for _ in range(3)]
    await settle()
    assert all(visitor.inside for visitor in visitors)
    for visitor in visitors:
        await visitor.go()


async def test_who_is_alone_waits_for_the_others_and_nobody_joins() -> None:
    solitude = Solitude()
    first, alone, late = Visitor(solitude.company()), Visitor(solitude.alone()), Visitor(solitude.company())
    await settle()
    assert (first.inside, alone.inside, late.inside) == (True, False, False)
    await first.go()
    await settle()
    assert (alone.inside, late.inside) == (True, False)
    await alone.go()
    await settle()
    assert late.inside
    await late.go()


async def test_two_are_not_alone_together() -> None:
    solitude = Solitude()
    visitors = [Visitor(solitude.alone()) for _ in range(2)]
    await settle()
    assert sorted(visitor.inside for visitor in visitors) == [False, True]
    for visitor in sorted(visitors, key=lambda visitor: not visitor.inside):
        await visitor.go()


async def test_who_gives_up_waiting_holds_nobody_up() -> None:
    solitude = Solitude()
    first, alone = Visitor(solitude.company()), Visitor(solitude.alone())
    await settle()
    alone.give_up()
    await settle()
    late = Visitor(solitude.company())
    await settle()
    assert late.inside
    await first.go()
    await late.go()
