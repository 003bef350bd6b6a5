"""Connections to the one Redis server, and what its errors mean.

asyncio's connections belong to the event loop that opened them. So each loop has a pool of its own, made at the first
call and closed by `Connections.close` or, like channels-redis does it, when the loop itself closes: ``async_to_sync``
runs short-lived loops that nobody tells us about.

A call that waits holds a connection while it does. The pools have no limit that matters, so waiting calls never keep
others from one.

Nothing is tried twice in here. redis-py repeats a command whose answer it did not get, which makes two entries of one
``XADD``; whether it is safe to call again is known to the caller alone.

Before the first command the server is asked whether it is a Cluster. It would not do: a script writes to keys of many
slots, which lie on several nodes there, and with a single node it would work until a second one comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar
from weakref import WeakKeyDictionary, WeakSet

from channels_redis.utils import create_pool
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import (
    MasterDownError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import TimeoutError as RedisTimeoutError

from switchboard.exceptions import LayerUnavailable, UnfitServer
from switchboard.layers.redis.scripts import script

T = TypeVar("T")
#: A word of a command.
Word: TypeAlias = str | bytes | int | float

#: Seconds. A command that waits on the server is told to answer within this time and is then given again: Redis 6.2
#: does not wake a reader whose stream was flushed, and a cut wire shows only when something should have come.
LONGEST_BLOCK: Final = 2.0
#: Seconds without an answer after which the server counts as unreachable. Has to be longer than a block.
SOCKET_TIMEOUT: Final = 5.0
#: redis-py's limit of 100 is reached by a hundred waiting calls.
_MAX_CONNECTIONS: Final = 10_000
#: What is said of a Cluster.
CLUSTER_REFUSED: Final = (
    "The Redis server runs in Cluster mode, in which scripts cannot write to the keys of several slots; "
    "Switchboard needs one without (cluster-enabled no), or several of them in hosts."
)

#: Refusals that may pass, where redis-py has a class for them: it takes the code off the message then.
_REFUSALS: Final = (ReadOnlyError, OutOfMemoryError, MasterDownError, TryAgainError)
#: The codes of all of them; Redis 6.2 wraps what happens inside a script into a message of its own.
_CODES = re.compile(r"\b(OOM|READONLY|MISCONF|NOREPLICAS|MASTERDOWN|LOADING|BUSY|TRYAGAIN)\b")


def is_unavailable(error: RedisError) -> bool:
    """Whether the server, and not the call, is at fault."""
    if isinstance(error, (RedisConnectionError, RedisTimeoutError, *_REFUSALS)):
        return True
    return isinstance(error, ResponseError) and bool(_CODES.search(str(error)))


class Connections:
    """Commands to the server from whatever loop is running. ``host`` is one of channels-redis' ``decode_hosts``."""

    def __init__(self, host: Mapping[str, Any]) -> None:
        self._host = {
            "socket_timeout": SOCKET_TIMEOUT,
            "max_connections": _MAX_CONNECTIONS,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,  # one shape of answers, whatever redis-py's default
            **host,
            "decode_responses": False,
        }
        self._lock = threading.Lock()
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Redis] = WeakKeyDictionary()
        self._watched: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
        self._fit = False

    async def command(self, *words: Word) -> Any:
        """The server's answer as it is, without redis-py's conversions.

        Raises:
            LayerUnavailable: no answer, or a refusal that may pass.
            UnfitServer: the server is a Redis Cluster.
        """

        async def ask(client: Redis) -> Any:
            return await client.execute_command(*words)  # type: ignore[no-untyped-call]

        return await self._ask(ask)

    async def _ask(self, ask: Callable[[Redis], Awaitable[T]]) -> T:
        task = asyncio.current_task()
        cancelled_before = task.cancelling() if task else 0
        try:
            client = self._client()
            if not self._fit:
                await self._refuse_cluster(client)
            return await ask(client)
        except RedisError as error:
            if is_unavailable(error):
                raise LayerUnavailable(str(error) or type(error).__name__) from error
            raise
        except OSError as error:
            raise LayerUnavailable(str(error)) from error
        finally:
            if task and task.cancelling() > cancelled_before:
                # redis-py sends by `asyncio.wait_for`, which before Python 3.12 forgets a cancellation that comes in
                # the moment the command has been sent: a loop that reads would go on for ever. An error that the
                # server answered is no excuse: callers go on after some, as after a missing consumer group.
                raise asyncio.CancelledError

    async def run(self, name: str, *words: Word) -> Any:
        """The answer of a script. A server that does not know it yet gets it whole."""
        wanted = script(name)
        try:
            return await self.command("EVALSHA", wanted.sha, 0, *words)
        except NoScriptError:
            return await self.command("EVAL", wanted.text, 0, *words)

    async def run_before(self, name: str, words: Sequence[Word], *command: Word) -> Any:
        """Run a script and, in the same round trip, a command, which may wait. Return the answer of the command.

        A script that the server does not know yet is run after the command.

        Raises:
            LayerUnavailable: no answer, or a refusal that may pass, of either of the two.
        """
        wanted = script(name)

        async def ask(client: Redis) -> list[Any]:
            pipeline = client.pipeline(transaction=False)
            pipeline.execute_command("EVALSHA", wanted.sha, 0, *words)
            pipeline.execute_command(*command)
            answers: list[Any] = await pipeline.execute(raise_on_error=False)
            return answers

        for error in (answers := await self._ask(ask)):
            if isinstance(error, RedisError) and is_unavailable(error):
                raise LayerUnavailable(str(error)) from error
        ran, answer = answers
        if isinstance(ran, NoScriptError):
            await self.run(name, *words)
        elif isinstance(ran, RedisError):
            raise ran
        if isinstance(answer, RedisError):
            raise answer
        return answer

    async def close(self) -> None:
        """Close the running loop's connections; calls that wait on them get `LayerUnavailable`."""
        await self._close(asyncio.get_running_loop())

    async def _refuse_cluster(self, client: Redis) -> None:
        try:
            info: bytes = await client.execute_command("INFO", "cluster")  # type: ignore[no-untyped-call]
        except ResponseError as error:
            if is_unavailable(error):
                raise
            info = b""  # a user who may not ask; a Cluster would say so at the first script
        if b"cluster_enabled:1" in info:
            raise UnfitServer(CLUSTER_REFUSED)
        self._fit = True

    def _client(self) -> Redis:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = Redis(connection_pool=create_pool(self._host))
            client.response_callbacks.clear()
            with self._lock:
                self._clients[loop] = client
                if loop not in self._watched:
                    self._watched.add(loop)
                    self._close_with(loop)
        return client

    async def _close(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            client = self._clients.pop(loop, None)
        if client is not None:
            await client.connection_pool.disconnect()

    def _close_with(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have our connections closed right before the loop is, which leaves no other moment for it."""
        close_loop = loop.close

        def close() -> None:
            if not loop.is_closed():
                # A server that is gone is no reason to keep the loop open.
                with contextlib.suppress(RedisError, OSError):
                    loop.run_until_complete(self._close(loop))
            close_loop()

        loop.close = close  # type: ignore[method-assign]
