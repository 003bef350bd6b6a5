"""What is removed for its age.

Messages are kept for ``CHAT_RETENTION_DAYS``, and rooms say so. They go in batches of some hundred, each in a
transaction of its own and from the oldest on, so that a room's messages are always all of those after one number:
``Room.pruned_seq``. A client that was away for so long begins anew, and no hole is left that it would try to repair.

With them goes what nobody will miss: rooms that nothing is left of, people who have not been there for as long, expired
sessions, bans that are over, and rows of ``chat.limits`` that say nothing any more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from chat import greeting, limits
from chat.models import Ban, Connection, Member, Message, Room

#: Rows in one transaction.
BATCH = 500


@dataclass(frozen=True)
class Pruned:
    """How many of each are gone."""

    messages: int = 0
    rooms: int = 0
    members: int = 0
    bans: int = 0
    allowances: int = 0


def prune(now: datetime | None = None) -> Pruned:
    """Remove what is too old. May be interrupted, and run by several at once."""
    now = now or timezone.now()
    days = greeting.retention_days()
    kept_since = None if days is None else now - timedelta(days=days)
    pruned = Pruned(
        messages=0 if kept_since is None else _all_of(lambda: _messages(kept_since)),
        rooms=0 if kept_since is None else _all_of(lambda: _rooms(kept_since)),
        members=0 if kept_since is None else _all_of(lambda: _members(kept_since)),
        bans=Ban.objects.filter(until__lt=now).delete()[0],
        allowances=_all_of(lambda: limits.sweep(now.timestamp(), BATCH)),
    )
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    return pruned


def _all_of(batch: Callable[[], int]) -> int:
    removed = 0
    while some := batch():
        removed += some
    return removed


def _messages(before: datetime) -> int:
    """The oldest ones of one room. A message that stands before a younger one goes with it only when that one does:
    its time may have been set by hand."""
    with transaction.atomic():
        old = Message.objects.filter(timestamp__lt=before).order_by("timestamp").first()
        if old is None:
            return 0
        room = Room.objects.select_for_update().get(pk=old.room_id)
        oldest = list(Message.objects.filter(room=room).order_by("seq").values_list("seq", "timestamp")[:BATCH])
        last = max((seq for seq, at in oldest if at < before), default=old.seq)
        removed, _by_model = Message.objects.filter(room=room, seq__lte=last, timestamp__lt=before).delete()
        Room.objects.filter(pk=room.pk, pruned_seq__lt=last).update(pruned_seq=last)
        return removed


def _rooms(before: datetime) -> int:
    """Rooms that have no message, nobody in them, and no topic that somebody set."""
    found = list(_empty_rooms(before).values_list("pk", flat=True)[:BATCH])
    return sum(_remove_if_empty(room, before) for room in found)


def _empty_rooms(before: datetime) -> QuerySet[Room]:
    return Room.objects.filter(
        ~Exists(Message.objects.filter(room=OuterRef("pk"))),
        ~Exists(Connection.objects.filter(room=OuterRef("pk"))),
        ~Exists(Member.objects.filter(room=OuterRef("pk"), seen__gte=before)),
        created__lt=before,
        topic="",
    )


def _remove_if_empty(room: int, before: datetime) -> bool:
    """Remove a room unless somebody came since it was found empty; return whether it was removed."""
    with transaction.atomic():
        # Two statements: the second one sees what was committed while the first waited for the lock.
        if Room.objects.select_for_update().filter(pk=room).first() is None:
            return False
        empty = _empty_rooms(before).filter(pk=room).first()
        if empty is not None:
            empty.delete()
        return empty is not None


def _members(before: datetime) -> int:
    """People who were not there for as long. Who holds keys, is muted or banned stays so."""
    socketless = ~Exists(Connection.objects.filter(member=OuterRef("pk")))
    gone = Member.objects.filter(socketless, seen__lt=before, keys=False, muted=False, banned=False)
    keys = list(gone.values_list("pk", flat=True)[:BATCH])
    return Member.objects.filter(pk__in=keys).delete()[0] if keys else 0
