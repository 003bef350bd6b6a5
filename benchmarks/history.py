"""A past for the database: rooms with messages, by the product's own models, in bulk."""

from __future__ import annotations

from django.db import transaction

from benchmarks.load.crowd import label
from chat.models import Message, Room

__all__ = ["fill"]

BATCH = 5_000
BODY = "a line of a chat that somebody wrote some time ago, as long as such lines are"


def fill(rooms: int, history: int) -> None:
    """So many rooms, those that the load generator goes to, with so many messages each."""
    with transaction.atomic():
        made = Room.objects.bulk_create(Room(label=label(number), last_seq=history) for number in range(rooms))
        for room in made:
            messages = [
                Message(room=room, handle="ada", message=BODY, seq=seq, identity=f"x:{seq}")
                for seq in range(1, history + 1)
            ]
            Message.objects.bulk_create(messages, batch_size=BATCH)
