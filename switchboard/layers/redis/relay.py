"""Outputs on their way from one host to another.

A commit is one script on one host. What it has for others it leaves, in that same step, in a stream at home, one for
each of them. From there it is carried over by whoever comes along: the one who committed, at once, and every worker
with each heartbeat, for what is left of a dead one or for a host that was away. Entries are brought oldest first and
taken away when they have arrived; what is brought twice is taken in once (``lua/receive.lua``). So an output leaves
with its commit or not at all, and arrives once, in order, as soon as both hosts are up.

A host that is away must not hold up the work on the others: who carries waits for a moment only, and after a failure
only heartbeats try, for a while. What waits for a host is bounded: an interface that cannot reach its home for a lease
closes its sockets, so old entries are for nobody, and a gap in a numbered group is repaired.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from typing import Final

from redis.exceptions import RedisError

from switchboard.exceptions import LayerUnavailable
from switchboard.layers.capacity import log_over_capacity
from switchboard.layers.redis.connections import Connections
from switchboard.layers.redis.keys import Keys
from switchboard.layers.redis.wire import read_over_capacity

logger = logging.getLogger(__name__)

#: Entries that wait for another host, at most; the oldest go first.
MOST_OUTGOING: Final = 10_000
#: Their bytes, at most; one entry may be larger.
MOST_OUTGOING_BYTES: Final = 24 * 1024 * 1024
#: Entries brought at a time.
_BATCH: Final = 100
#: Seconds to carry something over. A heartbeat must not take longer: the worker would lose what it holds.
_PATIENCE: Final = 0.5
#: Seconds after a failure in which only heartbeats try.
_QUIET: Final = 2.0


class Relay:
    """Carries what the host at ``place`` has for the others. ``hosts`` are all of them."""

    def __init__(self, place: int, hosts: Mapping[int, Connections], keys: Keys) -> None:
        self._place = place
        self._home = hosts[place]
        self._others = {other: host for other, host in hosts.items() if other != place}
        self._keys = keys
        self._quiet_until = dict.fromkeys(self._others, 0.0)

    async def carry(self, places: Iterable[int]) -> None:
        """Right after a commit: carry what is there for hosts that were not away a moment ago."""
        await self._carry([place for place in places if time.monotonic() >= self._quiet_until[place]])

    async def carry_all(self) -> None:
        """With a heartbeat: carry whatever is there."""
        await self._carry(self._others)

    async def _carry(self, places: Collection[int]) -> None:
        if places:
            await asyncio.gather(*(self._try(place) for place in places))

    async def _try(self, place: int) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._bring(place)
        except (LayerUnavailable, TimeoutError) as error:
            if time.monotonic() >= self._quiet_until[place]:
                logger.warning("what host %d has for host %d waits: %s", self._place, place, str(error) or "no answer")
            self._quiet_until[place] = time.monotonic() + _QUIET
        except RedisError:
            # A fault of ours. What was committed is committed: this must not look as if it had failed.
            logger.exception("what host %d has for host %d can't be brought there", self._place, place)
            self._quiet_until[place] = time.monotonic() + _QUIET
        else:
            self._quiet_until[place] = 0.0

    async def _bring(self, place: int) -> None:
        stream = self._keys.outgoing(place)
        while rows := await self._home.command("XRANGE", stream, "-", "+", "COUNT", _BATCH):
            pairs = chain.from_iterable((tag, fields[1]) for tag, fields in rows)
            over = await self._others[place].run("receive", self._keys.prefix, self._place, *pairs)
            log_over_capacity(read_over_capacity(over))
            milliseconds, _, count = rows[-1][0].decode().partition("-")
            await self._home.command("XTRIM", stream, "MINID", f"{milliseconds}-{int(count) + 1}")
            if len(rows) < _BATCH:
                return
