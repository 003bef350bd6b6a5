"""One run: people come, talk, things break, people fall silent, and everything is compared."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from switchboard.testing.waiting import await_until
from tests.e2e.chaos.checker import Finding, check, excused
from tests.e2e.chaos.crowd import Crowd
from tests.e2e.chaos.faults import FAULTS, Trouble
from tests.e2e.chaos.history import Fault, History
from tests.e2e.chaos.site import Stage

#: Seconds at most between two faults.
BREATH: Final = 1.5
#: Seconds that everybody is given to come, that a fault is given to settle, and that everything is given at the end:
#: the last message of a room is missed by nobody after two rounds of its tip (20 s each), and the repair that follows.
COMING: Final = 60.0
SETTLING: Final = 30.0
CALMING: Final = 75.0
#: Seconds until every disconnect has been handled and nobody is present, longer than an interface's lease and the third
#: of it in which workers ask the chat to look for sockets that nobody reports.
LEAVING: Final = 90.0


@dataclass(frozen=True)
class Plan:
    """How many people, how fast they talk, what breaks in which order, and for how long at most."""

    sockets: int
    rate: float
    faults: Sequence[str]
    seed: int
    seconds: float = float("inf")
    #: Scales how long we wait for what should happen by itself; less than 1 where it is known that it will not.
    patience: float = 1.0


@dataclass(frozen=True)
class Result:
    plan: Plan
    history: History
    findings: Sequence[Finding]
    #: What was not reported and could not be.
    excuses: Sequence[Finding] = ()


async def perform(stage: Stage, plan: Plan, say: Callable[[str], None] = lambda line: None) -> Result:
    """Run the plan on the stage. ``say`` is told what happens."""
    history = History()
    crowd = Crowd(history, stage.addresses, sockets=plan.sockets, interfaces=len(stage.interfaces), seed=plan.seed)
    await crowd.come(COMING)
    say(f"{plan.sockets} sockets open after {history.now():.1f} s")
    try:
        crowd.talk(plan.rate)
        await _break(stage, plan, crowd, say)
        await crowd.hush()
        await crowd.calm_down(stage.is_waiting, stage.last_seqs, CALMING * plan.patience)
    finally:
        history.ended = history.now()
        await crowd.go()
    say("everybody has left")
    await _wait_for_disconnects(stage, history, LEAVING * plan.patience)
    rows, journal = await asyncio.gather(asyncio.to_thread(stage.rows, history.start), asyncio.to_thread(stage.journal))
    found = await asyncio.to_thread(check, history, rows, journal)
    return Result(plan, history, found, excused(history, journal))


async def _break(stage: Stage, plan: Plan, crowd: Crowd, say: Callable[[str], None]) -> None:
    chance = random.Random(f"{plan.seed} faults")
    history = crowd.history
    for number, kind in enumerate(plan.faults, 1):
        await asyncio.sleep(chance.random() * BREATH)  # where in the talk it hits is drawn, too
        if history.now() > plan.seconds:
            say(f"the time is over: {len(plan.faults) - number + 1} faults were not tried")
            return
        fault = Fault(kind, "", history.now())
        history.faults.append(fault)
        await FAULTS[kind](Trouble(stage, crowd, chance), fault)
        fault.healed = history.now()
        await crowd.settle(fault, SETTLING * plan.patience)
        say(_line(number, len(plan.faults), fault, crowd))


def _line(number: int, of: int, fault: Fault, crowd: Crowd) -> str:
    broken, settling = fault.healed - fault.began, fault.settled - fault.healed
    away = sum(not client.connected for client in crowd.clients)
    what = f"{number}/{of} at {fault.began:.1f} s: {fault.kind} ({fault.target}), {broken:.1f} s"
    return f"{what}; settled {settling:.1f} s later" + (f"; {away} sockets are not back" if away else "")


async def _wait_for_disconnects(stage: Stage, history: History, patience: float) -> None:
    """Until each connect that ran has its disconnect, unless that is excused, and nobody is present; what is missing
    then, the checker says."""
    lost = frozenset[str]().union(*(fault.lost for fault in history.faults))

    async def all_reported() -> bool:
        journal = await asyncio.to_thread(stage.journal)
        return not journal.present and set(journal.connects.values()) <= lost.union(journal.disconnects)

    try:
        await await_until(all_reported, "every disconnect", timeout=patience)
    except AssertionError:
        return
