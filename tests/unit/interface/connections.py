"""Sockets' connections, brought to where a story begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from switchboard.interface.actions import Action, Enqueue
from switchboard.interface.answers import read_answer
from switchboard.interface.connection import Connection, Limits, Opening
from switchboard.interface.frames import Frame
from switchboard.layers.base import Enqueued, Receipt

LIMITS = Limits(connect_timeout=15, buffer_bytes=1000, closed_bytes=1_000_000)
OPENING = Opening("/chat/x/", {"path": "/chat/x/", "headers": []}, ["switchboard.v1"])


def opened() -> Connection:
    """A connection whose connect is queued."""
    connection = Connection("i!s", OPENING, LIMITS)
    connection.opened(0.0)
    connection.enqueued(0, Receipt(Enqueued.QUEUED), 0.0)
    return connection


def accepted(**answer: Any) -> Connection:
    """One that is open, with nothing under way."""
    connection = opened()
    connection.answered(read_answer({"accept": True, **answer}))
    connection.acknowledged(0)
    return connection


def queue(connection: Connection, order: int) -> None:
    connection.enqueued(order, Receipt(Enqueued.QUEUED), 0.0)


def envelopes(actions: Sequence[Action]) -> list[tuple[str, int | None]]:
    return [(a.envelope.channel, a.envelope.order) for a in actions if isinstance(a, Enqueue)]


def text(value: str) -> Frame:
    return Frame.of_text(value)
