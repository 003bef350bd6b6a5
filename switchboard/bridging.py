"""Calling the layer, which is asynchronous, from code that is not.

Consumers and views run in threads of a worker, whose event loop is busy elsewhere and has the layer's connections:
`in_loop` tells the context which loop and which layer those are. Elsewhere (a shell, a signal in a process of its own)
there is no loop, so each call gets one for as long as it lasts.

A layer that wakes only those who wait on the loop that sends gets what its own users would give it: `async_to_sync`,
which finds the loop that started this thread, if one did.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from asgiref.sync import async_to_sync

from switchboard.layers.base import Layer
from switchboard.layers.plain import PlainLayer

T = TypeVar("T")
L = TypeVar("L", bound=Layer | PlainLayer)

_loop: ContextVar[asyncio.AbstractEventLoop | None] = ContextVar("switchboard_loop", default=None)
_layer: ContextVar[Layer | None] = ContextVar("switchboard_layer", default=None)


@contextmanager
def in_loop(loop: asyncio.AbstractEventLoop, layer: Layer) -> Iterator[None]:
    """Within the block, and in threads that copy its context, `call` uses ``loop`` on behalf of ``layer``."""
    loop_before, layer_before = _loop.set(loop), _layer.set(layer)
    try:
        yield
    finally:
        _layer.reset(layer_before)
        _loop.reset(loop_before)


def get_current_layer() -> Layer | None:
    """Return the layer of the running consumer or view; None outside of any."""
    return _layer.get()


def call(layer: L, ask: Callable[[L], Coroutine[Any, Any, T]]) -> T:
    """The result of ``await ask(layer)``.

    Raises:
        RuntimeError: an event loop runs in this thread; it would wait for itself. Use the ``a…`` form there.
    """
    if _running():
        raise RuntimeError("an event loop runs in this thread: await asend() instead of calling send()")
    loop = _loop.get()
    if loop is not None:
        return asyncio.run_coroutine_threadsafe(ask(layer), loop).result()
    if not layer.any_loop:
        return async_to_sync(_asked)(layer, ask)
    return asyncio.run(_once(layer, ask))


def loop_of_call() -> asyncio.AbstractEventLoop | None:
    """Return the loop that `call` would use, if it is one that runs on."""
    return _loop.get()


def _running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _asked(layer: L, ask: Callable[[L], Coroutine[Any, Any, T]]) -> T:
    return await ask(layer)  # `async_to_sync` wants an ``async def``


async def _once(layer: L, ask: Callable[[L], Coroutine[Any, Any, T]]) -> T:
    try:
        return await ask(layer)
    finally:
        await layer.close()
