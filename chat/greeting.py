"""The answer to a hello: what was missed, who is here, who one is.

The first hello of somebody is when others are told that they came, under the handle that they remember if they may
have it. A hello is said again whenever a number is missing, and then changes nothing. The number of queries is the same
for a room of two and of two thousand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from chat import company, limits, people, services
from chat.models import Member, Room
from chat.protocol import About, Hello, Welcome


@dataclass(frozen=True)
class Greeted:
    welcome: Welcome
    #: What the others are to be told, after the welcome is on its way.
    tell: Callable[[], None]


def greet(member: Member, hello: Hello) -> Greeted:
    """Make somebody be here; what they need to know, and what others do."""
    room = member.room
    with transaction.atomic():
        first = people.show(member)
        named = member.handle
        if hello.handle is not None and (first or not named):
            # Later it would be a way around what limits the changes of a handle.
            people.claim_or_another(member, hello.handle)
        elif not named and member.user is not None:
            people.claim_or_another(member, member.user.get_username())
    count = people.count(room)

    def tell() -> None:
        if first:
            company.came(member, count)
        elif member.handle != named:
            company.renamed(member)

    missed = services.missed(room.label, hello.last)
    welcome = Welcome(
        seq=missed.seq,
        missed=[message.as_line() for message in missed.messages],
        reset=missed.reset,
        you=people.as_person(member),
        people=people.listed(room),
        count=count,
        about=about(room),
        burst=burst(),
    )
    return Greeted(welcome, tell)


def about(room: Room) -> About:
    return About(str(room), room.topic, room.locked, retention_days())


def retention_days() -> int | None:
    """Days that messages are kept; None for ever."""
    return getattr(settings, "CHAT_RETENTION_DAYS", None) or None


def burst() -> int | None:
    """Messages that somebody may send at once; None where nothing limits them."""
    rate = limits.rate_of("MESSAGES")
    return None if rate is None else rate.burst
