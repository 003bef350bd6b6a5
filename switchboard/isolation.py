"""Isolate views and consumers from each other: each begins with Django's defaults and usable connections.

Django keeps the active language, time zone, URL configuration and script prefix in context-local storage. Middleware
sets them for a request and leaves them set, since the next request sets its own. A consumer has no middleware, so
without a reset it would run in the language of whatever ran before it.

Each call runs in a copy of the caller's context. The copy is reset first, so nothing gets in; nothing that the call
sets gets out.

Coroutines use the database through the one thread of ``sync_to_async``. No request ends in that thread, so Django never
looks at the connections there: one that broke, by a restart of the database for example, would stay broken. So
`in_database_thread` looks at them, and so does `run_isolated` when a coroutine raised a database error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Any

from asgiref.sync import sync_to_async
from django.db import Error, close_old_connections
from django.urls import clear_script_prefix, set_urlconf
from django.utils import timezone, translation

_keeping: ContextVar[bool] = ContextVar("switchboard_keeping_connections", default=False)


def isolate(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[[], Any]:
    """Return a function without arguments that calls ``function`` isolated, in whichever thread runs it."""
    context = copy_context()

    def call() -> Any:
        _reset()
        return function(*args, **kwargs)

    return lambda: context.run(call)


async def run_isolated(function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Await ``function``, a coroutine function, isolated. Cancelling cancels it."""

    async def call() -> None:
        _reset()
        await function(*args, **kwargs)

    try:
        await asyncio.create_task(call(), name=f"run {getattr(function, '__qualname__', function)}")
    except Error:
        await sync_to_async(_close_old_connections)()
        raise


def in_database_thread(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a coroutine function that calls ``function`` in the thread of ``sync_to_async``.

    Connections that are too old or broken are closed there before and after.
    """

    def call(*args: Any, **kwargs: Any) -> Any:
        _close_old_connections()
        try:
            return function(*args, **kwargs)
        finally:
            _close_old_connections()

    return sync_to_async(call)


@contextmanager
def keeping_connections() -> Iterator[None]:
    """Within the block close no connection. For tests, whose thread is that of ``sync_to_async`` too.

    A test has a transaction open in it, or may not use the database at all.
    """
    before = _keeping.set(True)
    try:
        yield
    finally:
        _keeping.reset(before)


def _close_old_connections() -> None:
    if not _keeping.get():
        close_old_connections()


def _reset() -> None:
    translation.deactivate()
    timezone.deactivate()
    set_urlconf(None)
    clear_script_prefix()
