"""Bringing stored messages to those who are in the room.

Every new row of ``Message`` is announced, by its ``post_save`` signal and after the commit, whoever made it: a socket's
consumer, a view, the admin, a shell. So a message cannot be stored and not be heard, and nobody needs to remember to
announce. Updates, fixtures and bulk inserts are not announced.

A room has one group for each dialect, since a frame for a group is encoded once for all its members.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models.signals import post_save

from chat.dialects import DIALECTS, Dialect
from chat.models import Message
from switchboard import Group


def group_name(label: str, dialect: Dialect) -> str:
    """Labels are made of letters that group names may have, and short enough."""
    return f"chat.{label}.{dialect.name}"


def group(label: str, dialect: Dialect) -> Group:
    return Group(group_name(label, dialect))


def announce(message: Message) -> None:
    """Send the message to its room when the transaction has committed."""
    # Robust: the message is stored, and whoever stored it should not hear of an error because a wire was down.
    transaction.on_commit(lambda: _send(message), robust=True)


def _send(message: Message) -> None:
    line = message.as_line()
    for dialect in DIALECTS.values():
        group(message.room.label, dialect).send({"text": dialect.line(line)})


def listen() -> None:
    """Hear of new messages from now on."""
    post_save.connect(_on_saved, sender=Message, dispatch_uid="chat.broadcast")


def _on_saved(instance: Message, created: bool, raw: bool, **kwargs: Any) -> None:
    if created and not raw:
        announce(instance)
