"""Whether somebody may say something now.

Asked after the room is locked and the message is known to be new: what was stored before is acknowledged however often
it comes, so a repetition is neither refused nor counted. One call does for a batch of any size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from chat import limits
from chat.limits import NOTHING, Want
from chat.models import Member, Room
from chat.protocol import Refusal


class NotAdmitted(Exception):
    """Not now, or not at all; ``refusal`` says why, and after how long it may be tried again."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal


@dataclass(frozen=True)
class Speaker:
    """Somebody who says something in a room."""

    #: Their id in the room; "" where nobody is told.
    person: str = ""
    muted: bool = False
    keys: bool = False
    #: What their message takes.
    want: Want = NOTHING

    @classmethod
    def of(cls, member: Member, want: Want) -> Speaker:
        return cls(member.person, muted=member.muted, keys=member.keys, want=want)


#: Messages that the server's own code writes: no limit, no mute, no lock.
NOBODY = Speaker(keys=True)


def admit(asked: Sequence[tuple[Room, Speaker]]) -> list[Refusal | None]:
    """For each new message of a batch None, or why it is refused. The rooms are locked, a transaction is open; what
    is granted is spent with it. At most two queries."""
    refusals = [_standing_fault(room, speaker) for room, speaker in asked]
    wants = [NOTHING if refusal else speaker.want for refusal, (_room, speaker) in zip(refusals, asked, strict=True)]
    waits = limits.spend(wants)
    return [refusal or (slow_down(wait) if wait else None) for refusal, wait in zip(refusals, waits, strict=True)]


def _standing_fault(room: Room, speaker: Speaker) -> Refusal | None:
    if speaker.muted:
        return Refusal("muted", _("You are muted in this room: you can read, and not write."))
    if room.locked and not speaker.keys:
        return Refusal("locked", _("This room is locked: only who holds its keys can write."))
    return None


def slow_down(wait: float) -> Refusal:
    """Too much at once."""
    refusal = Refusal("slow-down", "", retry=True, wait=wait)
    return replace(refusal, text=_slow_down(refusal.whole_wait))


def _slow_down_now(seconds: int) -> str:
    return ngettext("Slow down: wait %(n)d second.", "Slow down: wait %(n)d seconds.", seconds) % {"n": seconds}


#: In the language of whoever is told of it, which is not that of the batch.
_slow_down = lazy(_slow_down_now, str)
