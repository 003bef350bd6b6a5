"""Groups without a hub: when they ask, and that nothing stays of those who left."""

from __future__ import annotations

from itertools import count
from typing import Any

from switchboard.interface.groups import MOST_QUESTIONS, Groups
from switchboard.interface.numbering import MOST_KEPT
from switchboard.interface.repairs import GIVE_UP_AFTER


def text(seq: int) -> dict[str, Any]:
    return {"text": str(seq)}


class Stirred:
    """Groups of which somebody is told when to look."""

    def __init__(self) -> None:
        self.times = 0
        self.groups = Groups(stirred=self.stir)
        self.channels = (f"i!{number}" for number in count())

    def stir(self) -> None:
        self.times += 1

    def channel(self) -> str:
        return next(self.channels)


def test_a_message_without_number_goes_to_all_at_once() -> None:
    groups = Stirred().groups
    groups.join("g", "a", 5, 0.0)
    groups.join("g", "b", None, 0.0)

    delivered = groups.message("g", text(1), None, 0.0)
    assert [tuple(channels) for channels, _ in delivered] == [("a", "b")]
    assert groups.message("nobody's", text(1), 1, 0.0) == []


def test_a_repair_is_encoded_once_for_all_who_lack_it() -> None:
    stirred = Stirred()
    groups = stirred.groups
    for channel in "ab":
        groups.join("g", channel, 1, 0.0)
    groups.message("g", text(3), 3, 0.0)
    (question,) = groups.questions(1.0, stirred.channel)
    delivered = groups.answer(question.channel, {"rows": [[2, text(2)]], "upto": 2}, 1.1)

    assert delivered is not None
    assert [tuple(channels) for channels, _ in delivered] == [("a", "b"), ("a", "b")]
    assert groups.answer(question.channel, {"rows": [], "upto": 9}, 1.1) is None, "it was answered"


def test_a_gap_stirs_and_a_group_that_is_full_asks_without_patience() -> None:
    stirred = Stirred()
    groups = stirred.groups
    groups.join("g", "a", 0, 10.0)
    assert stirred.times == 0
    groups.message("g", text(2), 2, 10.0)
    assert stirred.times == 1 and groups.wake_at == 11.0
    for seq in range(3, MOST_KEPT + 10):
        groups.message("g", text(seq), seq, 10.0)

    assert [question.after for question in groups.questions(10.0, stirred.channel)] == [0]


def test_a_gap_is_given_up_in_the_end() -> None:
    stirred = Stirred()
    groups = stirred.groups
    groups.join("g", "a", 0, 0.0)
    groups.message("g", text(2), 2, 0.0)
    assert len(groups.questions(1.0, stirred.channel)) == 1
    assert groups.give_up(GIVE_UP_AFTER) == []

    assert [tuple(channels) for channels, _ in groups.give_up(1.0 + GIVE_UP_AFTER)] == [("a",)]
    assert groups.wake_at is None


def test_nothing_stays_of_those_who_left() -> None:
    stirred = Stirred()
    groups = stirred.groups
    for number in range(20):
        groups.join(f"g{number}", "a", 0, 0.0)
        groups.join("all", f"s{number}", number, 0.0)
        groups.tip(f"g{number}", 5, 0.0)
    groups.doubt(0.0)
    groups.questions(0.0, stirred.channel)
    assert len(groups.leave_all("a", 0.0)) == 20
    for number in range(20):
        groups.leave("all", f"s{number}", 0.0)

    assert list(groups) == [] and groups.wake_at is None
    assert groups.questions(100.0, stirred.channel) == []


def test_questions_that_nobody_answers_are_bounded() -> None:
    stirred = Stirred()
    groups = stirred.groups
    groups.join("g", "a", 0, 0.0)
    for number in range(MOST_QUESTIONS + 10):
        groups.doubt(float(number))
        (question,) = groups.questions(float(number), stirred.channel)

    assert len(groups._questions) == MOST_QUESTIONS
    assert groups.answer(question.channel, {"rows": [], "upto": 0}, 0.0) == []
