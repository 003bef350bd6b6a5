"""A task group whose failures say which task failed. A traceback alone says in which line, and many tasks share it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from contextvars import Context
from typing import Any, TypeVar

__all__ = ["TaskGroup"]

T = TypeVar("T")


class TaskGroup(asyncio.TaskGroup):
    """asyncio's; the exception of a task that fails gets a note with the task's name."""

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[T]:
        task = super().create_task(coro, name=name, context=context)
        # Not a coroutine around it: a task that is cancelled before its first step would never await the inner one.
        task.add_done_callback(_note_name)
        return task


def _note_name(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        error.add_note(f"in task {task.get_name()}")
