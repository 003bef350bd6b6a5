"""The groups of this interface: who is in them, what their members get, what they lack.

`members` knows who is in which group, `numbering` who of them has what, `repairs` when to ask for the rest. Here they
meet, and contents become frames: each is read and encoded once, whether it came by itself or was brought by a repair.

A question for a repair is `Envelope("group.repair", id, {"group", "after", "reply_channel"})`; it is answered by a
`Reply` with ``{"rows": [[seq, content], ...], "upto": int}``: all messages there are after ``after`` and up to
``upto``. What an answer says is true whenever it comes, so late and double ones are welcome.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from switchboard.events import Content, Envelope
from switchboard.interface.answers import Answer, read_answer
from switchboard.interface.members import Members
from switchboard.interface.numbering import Delivery, Track
from switchboard.interface.repairs import Repairs
from switchboard.names import GROUP_REPAIR

__all__ = ["Groups", "Question", "read_content"]

logger = logging.getLogger(__name__)

#: Questions whose answers are awaited, at most; beyond it the oldest is no longer.
MOST_QUESTIONS: Final = 1000


@dataclass(frozen=True, slots=True)
class Question:
    """What is missing in ``group`` after the number ``after``? To be answered to ``channel``."""

    channel: str
    group: str
    after: int

    @property
    def envelope(self) -> Envelope:
        content = {"group": self.group, "after": self.after, "reply_channel": self.channel}
        return Envelope(GROUP_REPAIR, id=self.channel, content=content)


class Groups:
    """``now`` is the time of any clock in seconds, always the same. What members get is returned, for the hub to send;
    ``stirred`` is called when `wake_at` may have become earlier."""

    def __init__(self, stirred: Callable[[], None]) -> None:
        self._members = Members()
        self._tracks: dict[str, Track] = {}
        self._repairs = Repairs()
        self._questions: dict[str, Question] = {}
        self._stirred = stirred

    def clear(self) -> None:
        """Nobody is in any group any more."""
        self._members = Members()
        self._tracks.clear()
        self._repairs = Repairs()
        self._questions.clear()

    def __contains__(self, group: str) -> bool:
        return group in self._members

    def __iter__(self) -> Iterator[str]:
        """The groups that have members."""
        return iter(self._members)

    # -- members

    def join(self, group: str, channel: str, base: int | None, now: float) -> list[Delivery]:
        self._members.join(group, channel)
        track = self._tracks.get(group)
        if track is None:
            if base is None:
                return []
            track = self._tracks[group] = Track()
        deliveries = track.place(channel, base)
        self._look(group, track, now)
        return deliveries

    def leave(self, group: str, channel: str, now: float) -> None:
        self._members.leave(group, channel)
        self._left(group, channel, now)

    def leave_all(self, channel: str, now: float) -> Collection[str]:
        """Take a socket out of all its groups; returns those that have no member left."""
        groups = self._members.groups_of(channel)
        for group in groups:
            self.leave(group, channel, now)
        return [group for group in groups if group not in self._members]

    # -- messages

    def message(self, group: str, content: Content, seq: int | None, now: float) -> list[Delivery]:
        """A group's message came in."""
        if group not in self._members:
            return []
        members = self._members.of(group)
        answer = read_content(content, f"group {group}")
        if seq is None:
            return [] if answer is None else [(members, answer)]
        track = self._tracks.setdefault(group, Track())
        deliveries = track.message(seq, answer, members)
        self._look(group, track, now)
        return deliveries

    def tip(self, group: str, seq: int, now: float) -> None:
        """The number ``seq`` exists."""
        if track := self._tracks.get(group):
            track.told(seq)
            self._look(group, track, now)

    # -- repairs

    def doubt(self, now: float) -> None:
        """Anything may have been lost: ask for every numbered group."""
        for group, track in self._tracks.items():
            self._repairs.doubt(group, track.behind, now)
        self._stirred()

    @property
    def wake_at(self) -> float | None:
        """When `questions` or `give_up` may have something."""
        return self._repairs.wake_at

    def questions(self, now: float, new_channel: Callable[[], str]) -> list[Question]:
        """Those to be put now."""
        questions = [Question(new_channel(), group, self._tracks[group].lowest) for group in self._repairs.due(now)]
        self._questions.update((question.channel, question) for question in questions)
        while len(self._questions) > MOST_QUESTIONS:
            del self._questions[next(iter(self._questions))]
        return questions

    def not_put(self, question: Question, now: float) -> None:
        """The layer did not take it."""
        self._questions.pop(question.channel, None)
        self._repairs.failed(question.group, now)

    def answer(self, channel: str, content: Content, now: float) -> list[Delivery] | None:
        """An answer to a question, if it is one."""
        question = self._questions.pop(channel, None)
        if question is None:
            return None
        track = self._tracks.get(question.group)
        if track is None:
            return []
        try:
            rows, upto = _read_rows(content)
        except ValueError as error:
            logger.error("the answer to the repair of group %s makes no sense: %s", question.group, error)
            return []
        answers = {seq: read_content(row, f"group {question.group}") for seq, row in rows.items()}
        deliveries = track.fill(question.after, answers, upto)
        self._repairs.answered(question.group, track.behind, now)
        self._stirred()
        return deliveries

    def give_up(self, now: float) -> list[Delivery]:
        """Close the gaps that nobody can fill."""
        deliveries: list[Delivery] = []
        for group in self._repairs.hopeless(now):
            track = self._tracks[group]
            logger.error("group %s: messages %d to %d are missing for good", group, track.lowest + 1, track.tip)
            deliveries += track.give_up()
        return deliveries

    # -- inside

    def _left(self, group: str, channel: str, now: float) -> None:
        track = self._tracks.get(group)
        if track is not None:
            track.remove(channel)
            if track:
                self._look(group, track, now)
            else:
                del self._tracks[group]
                self._repairs.forget(group)

    def _look(self, group: str, track: Track, now: float) -> None:
        behind = track.behind
        self._repairs.note(group, behind, now, urgent=track.full)
        if behind is not None:
            self._stirred()


def read_content(content: Content, to: str) -> Answer | None:
    """The typed form of what was sent to a socket or group; None, with a line in the log, if it makes no sense."""
    try:
        return read_answer(content)
    except ValueError as error:
        logger.error("what was sent to %s makes no sense and is ignored: %s", to, error)
        return None


def _read_rows(content: Content) -> tuple[dict[int, Content], int]:
    rows, upto = content.get("rows"), content.get("upto")
    if not isinstance(rows, list | tuple) or not isinstance(upto, int):
        raise ValueError("it wants 'rows' and 'upto'")
    return dict(map(_read_row, rows)), upto


def _read_row(row: Any) -> tuple[int, Content]:
    try:
        seq, content = row
    except (TypeError, ValueError):
        raise ValueError(f"a row is {row!r}, not a number and a content") from None
    if not isinstance(seq, int) or not isinstance(content, dict):
        raise ValueError(f"a row is {row!r}, not a number and a content")
    return seq, content
