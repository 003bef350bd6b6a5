"""Messages that are to run alone.

A message that was redelivered may be the one that ended its worker, by its memory or by a crash in some C library.
If it does so again, it shall not take neighbours with it. So ordinary messages run side by side, a redelivered one runs
when no other does, and none begins before it is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Solitude:
    """Many in `company`, or one `alone`. Who wants to be alone goes before those who come after."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._in_company = 0
        self._waiting_alone = 0
        self._is_alone = False

    @asynccontextmanager
    async def company(self) -> AsyncIterator[None]:
        """Run beside others."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._is_alone and not self._waiting_alone)
            self._in_company += 1
        try:
            yield
        finally:
            self._in_company -= 1
            await self._tell()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Run while nobody else does."""
        self._waiting_alone += 1
        try:
            async with self._changed:
                await self._changed.wait_for(lambda: not self._is_alone and not self._in_company)
                self._is_alone = True
        finally:
            self._waiting_alone -= 1
        try:
            yield
        finally:
            self._is_alone = False
            await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
