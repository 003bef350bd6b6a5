"""Tell a database that is unavailable from a consumer whose statement fails.

Drivers raise `OperationalError` for both: for a lock that is held and a connection that broke, but also for a syntax
error (SQLite) or a statement that ran out of time (PostgreSQL). The former succeed on another try, the latter never do,
and a worker that retried them would do nothing else. `RetryPolicy` decides in this order:

1. A code of the driver that means "try again" (SQLite's BUSY and LOCKED, some SQLSTATEs): retry.
2. The error was raised while a connection was made: retry, no statement of the consumer is involved.
3. A *new* connection to the same database cannot be made, or does not answer in time: retry.
4. The database answers. With a code, the error is the consumer's. Without one (a connection that broke while a
   statement ran, or a driver whose codes are not known here, such as MySQL's and Oracle's) it may have been bad luck:
   retry, but only `MAX_UNEXPLAINED_ERRORS` times, because the statement may be what breaks the connection.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Final

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import DatabaseErrorWrapper

from switchboard.exceptions import LayerUnavailable

logger = logging.getLogger("switchboard.worker")

#: Seconds for a database to answer a probe.
PROBE_TIMEOUT: Final = 5.0
#: Retries of one message, or one batch, after errors that have no code although the database answers.
MAX_UNEXPLAINED_ERRORS: Final = 3

#: Result codes of SQLite; an extended code has the primary one in its lowest byte.
_TRANSIENT_SQLITE: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
#: Serialization failure, deadlock, too many connections, lock not available.
_TRANSIENT_SQLSTATES: Final = frozenset({"40001", "40P01", "53300", "55P03"})
#: Connection exceptions; the server shuts down, crashed, or starts.
_TRANSIENT_SQLSTATE_PREFIXES: Final = ("08", "57P0")

#: Ask whether a database answers, by its alias; None: whether all that are configured do.
Probe = Callable[[str | None], Awaitable[bool]]


class RetryPolicy:
    """Decide after each error of one message, or one batch, whether to run it again. See the module."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._unexplained = 0

    async def is_transient(self, error: Exception) -> bool:
        """Return whether the database or the layer is at fault and the same run may succeed later.

        A send asks the layer whether there is room; that it got no answer says nothing against the message.
        """
        if isinstance(error, LayerUnavailable):
            return True
        if not isinstance(error, (DatabaseError, InterfaceError)):
            return False
        code = error_code(error)
        if _says_try_again(code):
            return True
        if not isinstance(error, (OperationalError, InterfaceError)):
            return False
        if _is_raised_while_connecting(error) or not await self._probe(database_of(error)):
            return True
        if code is not None:
            return False
        self._unexplained += 1
        return self._unexplained <= MAX_UNEXPLAINED_ERRORS


def error_code(error: BaseException) -> int | str | None:
    """Return SQLite's result code or the SQLSTATE of an error of Django, which has the driver's error as its cause."""
    cause: BaseException | None = error
    while cause is not None:
        for name in ("sqlite_errorcode", "sqlstate", "pgcode"):
            code = getattr(cause, name, None)
            if isinstance(code, (int, str)):
                return code
        cause = cause.__cause__
    return None


def _says_try_again(code: int | str | None) -> bool:
    if isinstance(code, str):
        return code in _TRANSIENT_SQLSTATES or code.startswith(_TRANSIENT_SQLSTATE_PREFIXES)
    return code is not None and code & 0xFF in _TRANSIENT_SQLITE


def database_of(error: BaseException) -> str | None:
    """Return the alias of the database that raised ``error``.

    The error does not name it. But Django raises it in a context manager of the connection, whose frame is in the
    traceback.
    """
    for traceback in _steps(error):
        if traceback.tb_frame.f_code is DatabaseErrorWrapper.__exit__.__code__:
            alias = traceback.tb_frame.f_locals["self"].wrapper.alias
            assert isinstance(alias, str)
            return alias
    return None


def _is_raised_while_connecting(error: BaseException) -> bool:
    # Decorated by `async_unsafe`, which `functools.wraps`.
    connect = BaseDatabaseWrapper.connect.__wrapped__.__code__  # type: ignore[attr-defined]
    return any(traceback.tb_frame.f_code is connect for traceback in _steps(error))


def _steps(error: BaseException) -> Iterator[TracebackType]:
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


class DatabaseProbe:
    """Ask databases over new connections whether they answer.

    One probe of a database runs at a time and serves all that ask meanwhile: where a server is frozen, each one hangs.
    """

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Future[bool]] = {}

    async def __call__(self, database: str | None) -> bool:
        asked = [database] if database is not None else list(connections)
        return all(await asyncio.gather(*map(self._answers, asked)))

    async def _answers(self, database: str) -> bool:
        running = self._running.get(database)
        if running is None or running.done():
            running = self._running[database] = _in_daemon_thread(lambda: _answers(database))
        # The thread may run on; it is asked again, not joined by another.
        done, _ = await asyncio.wait([running], timeout=PROBE_TIMEOUT)
        return running.result() if done else False


def _answers(database: str) -> bool:
    """Return whether a new connection to ``database`` can be made and a statement succeeds on it."""
    connection = connections.create_connection(database)
    try:
        connection.ensure_connection()
        if connection.vendor == "sqlite":
            # Its `is_usable` asks nothing, and SQLite opens the file at the first statement that needs it.
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA schema_version")
            return True
        return connection.is_usable()
    except ImproperlyConfigured:
        return True  # none is configured: nothing can be unavailable
    except Exception as error:
        logger.debug("database %s does not answer: %s", database, error)
        return False
    finally:
        connection.close()


def _in_daemon_thread(function: Callable[[], bool]) -> asyncio.Future[bool]:
    """Run ``function`` in a thread that does not keep the process from ending while it hangs."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[bool] = loop.create_future()

    def run() -> None:
        answer = function()
        # RuntimeError: the loop is closed, so nobody waits any more.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(future.set_result, answer)

    threading.Thread(target=run, name="database probe", daemon=True).start()
    return future
