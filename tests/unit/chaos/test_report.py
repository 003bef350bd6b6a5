"""What a row of the table says of a history."""

from __future__ import annotations

import pytest

from tests.e2e.chaos.checker import RECORD_LOST, Finding
from tests.e2e.chaos.history import Fault, History, Life, Person, Sent
from tests.e2e.chaos.performance import Plan, Result
from tests.e2e.chaos.report import HEADINGS, excuses, summary, table


def pauses(*faults: Fault, sent: list[Sent]) -> dict[str, str]:
    """The longest pauses by the kinds of faults."""
    ann = Person("ann", "tea", "v1", lives=[Life("ann.1", "interface-0", 1.0)], sent=sent)
    result = Result(Plan(1, 1.0, [], 0), History(0.0, [ann], list(faults), ended=99.0), [])
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table(result)]
    assert tuple(rows[0]) == HEADINGS
    return {row[0]: row[-1] for row in rows[2:]}


KILL, FREEZE = Fault("kill", "", 10.0, healed=11.0, settled=15.0), Fault("freeze", "", 20.0, healed=22.0, settled=30.0)


def test_a_pause_begins_with_the_message_or_with_the_fault() -> None:
    assert pauses(KILL, FREEZE, sent=[Sent("a", 9.0, "1", acked=14.0)])["kill"] == "4.0 s"
    assert pauses(KILL, FREEZE, sent=[Sent("a", 12.0, "1", acked=14.5)])["kill"] == "2.5 s"
    assert pauses(KILL, FREEZE, sent=[Sent("a", 1.0, "1", acked=2.0)])["kill"] == "0.0 s"


def test_who_still_waits_when_the_next_fault_begins_waits_for_that_one_from_then_on() -> None:
    found = pauses(KILL, FREEZE, sent=[Sent("a", 14.0, "1", acked=29.0)])
    assert (found["kill"], found["freeze"], found["all"]) == ("6.0 s", "9.0 s", "15.0 s")


@pytest.mark.parametrize("seconds", [8.0, 12.0])
def test_what_is_never_acknowledged_is_not_hidden(seconds: float) -> None:
    found = pauses(KILL, sent=[Sent("a", seconds, "1")])
    assert (found["kill"], found["all"]) == ("never over", "never over")


def test_what_is_excused_is_counted_and_printed_by_name() -> None:
    emptied = Fault("redis-empty", "redis, without data", 20.0, healed=22.0, settled=30.0)
    lost = [Finding(RECORD_LOST, 20.0, "ann", f"the record of i!{number} was lost", emptied) for number in range(9)]
    result = Result(Plan(1, 1.0, [], 0), History(0.0, [], [emptied], ended=99.0), [], lost)
    first, *sentences = excuses(result)
    assert first == "EXCUSED, record lost within the lease of a killed interface: 9 sockets without a disconnect"
    assert "ann: the record of i!0 was lost [redis-empty of redis, without data, 20.0 to 30.0 s]" in sentences[0]
    assert sentences[-1] == "  … and 1 more"
    assert "9 excused, 0 findings" in summary(result)
    assert " near " not in first, "it is no finding"
