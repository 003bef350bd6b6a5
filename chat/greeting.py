"""The answer to a hello: what was missed, who is here, who one is.

The first hello of somebody is when others are told that they came, under the handle that they remember if they may
have it. A hello is said again whenever a number is missing, and then changes nothing. The number of queries is the same
for a room of two and of two thousand, and for one hello and a hundred: after a restart everybody says it at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import prefetch_related_objects

from chat import claims, company, limits, people, services
from chat.models import Member, Room
from chat.protocol import About, Hello, Welcome


@dataclass(frozen=True)
class Greeted:
    welcome: Welcome
    #: Whether others have to be told that they came, or that they are called otherwise.
    came: bool
    renamed: bool

    def tell(self, member: Member, renamings: company.Renamings) -> None:
        """Tell the others, after the welcome is on its way."""
        if self.came:
            company.came(member, self.welcome.count)
        elif self.renamed:
            renamings.tell(member)


def greet_all(hellos: Sequence[tuple[Member, Hello]]) -> list[Greeted]:
    """Make people be here; what each needs to know. Who says more than one hello is the same object in each."""
    if not hellos:
        return []
    members = [member for member, _hello in hellos]
    prefetch_related_objects(list({member.pk: member for member in members}.values()), "user")
    # The room's count belongs to the answer. Prefetching would leave a room that was read for something else before.
    rooms = Room.objects.in_bulk({member.room_id for member in members})
    for member in members:
        member.room = rooms[member.room_id]
    with transaction.atomic():
        coming = people.show_all(members)
        named = {member.pk: member.handle for member in members}
        claims.claim_or_another(list(_wishes(hellos, coming)))
    counts = people.counts({member.room_id for member in members})
    listed = people.listed_all(counts)
    missed = services.missed_all([(member.room, hello.last) for member, hello in hellos])
    greeted = []
    for (member, _hello), past in zip(hellos, missed, strict=True):
        welcome = Welcome(
            seq=past.seq,
            missed=[message.as_line() for message in past.messages],
            reset=past.reset,
            you=people.as_person(member),
            people=listed[member.room_id],
            count=counts[member.room_id],
            about=about(member.room),
            burst=burst(),
        )
        came = member.pk in coming
        coming.discard(member.pk)  # of several tabs the first one came
        greeted.append(Greeted(welcome, came, not came and member.handle != named[member.pk]))
    return greeted


def _wishes(hellos: Sequence[tuple[Member, Hello]], coming: Collection[int]) -> Iterator[tuple[Member, str]]:
    """The handles that they would have, one for each at most: with a handle, somebody's later hellos ask for none."""
    still_coming, asked = set(coming), set[int]()
    for member, hello in hellos:
        if member.pk not in asked and (wish := _wish(member, hello, still_coming)):
            asked.add(member.pk)
            yield wish
        still_coming.discard(member.pk)


def _wish(member: Member, hello: Hello, coming: set[int]) -> tuple[Member, str] | None:
    """The handle that somebody who says hello would have."""
    if hello.handle is not None and (member.pk in coming or not member.handle):
        # Later it would be a way around what limits the changes of a handle.
        return member, hello.handle
    if not member.handle and member.user is not None:
        return member, member.user.get_username()
    return None


def about(room: Room) -> About:
    return About(str(room), room.topic, room.locked, retention_days())


def retention_days() -> int | None:
    """Days that messages are kept; None for ever."""
    return getattr(settings, "CHAT_RETENTION_DAYS", None) or None


def burst() -> int | None:
    """Messages that somebody may send at once; None where nothing limits them."""
    rate = limits.rate_of("MESSAGES")
    return None if rate is None else rate.burst
