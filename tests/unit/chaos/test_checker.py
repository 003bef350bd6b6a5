"""The checker finds what it has to find, and nothing in a history where all went well."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.e2e.chaos import checker
from tests.e2e.chaos.checker import check
from tests.e2e.chaos.history import Fault, Heard, History, Journal, Life, Person, Row, Sent

ROOM = "tea"


class Story:
    """Two who speak v1 and one who speaks classic say three things each, and all goes well. Tests spoil it."""

    def __init__(self) -> None:
        self.ann, self.bob = Person("ann", ROOM, "v1", since=1), Person("bob", ROOM, "v1", since=1)
        self.old = Person("old", ROOM, "classic")
        people = [self.ann, self.bob, self.old]
        self.rows: list[Row] = []
        for number in range(1, 10):
            speaker = people[number % 3]
            text, at = f"{speaker.name}#{number}", 10.0 + number
            self.rows.append(Row(ROOM, number, f"c:{number}", text, at))
        for person in people:
            person.lives.append(Life(f"{person.name}.1", "interface-0", 5.0, 50.0, 1000, ours=True))
        self.life = self.old.lives[0]
        self.life.sent = [Sent(row.text, row.at) for row in self.said_by("old")]
        self.life.heard = [Heard(row.at, row.text) for row in self.rows]
        for person in (self.ann, self.bob):
            person.sent = [
                Sent(row.text, row.at, row.identity[2:], acked=row.at, seq=row.seq) for row in self.said_by(person.name)
            ]
            person.shown = [Heard(row.at, row.text, row.seq) for row in self.rows]
        self.journal = Journal({f"{p.name}.1": f"i!{p.name}" for p in people}, tuple(f"i!{p.name}" for p in people))
        self.history = History(0.0, people, [], ended=40.0)

    def said_by(self, name: str) -> list[Row]:
        return [row for row in self.rows if row.text.startswith(name)]

    def found(self) -> list[tuple[str, str]]:
        return [(finding.kind, finding.client) for finding in check(self.history, self.rows, self.journal)]

    def lose_row(self, seq: int) -> None:
        """The database forgets a row, and the numbers close up: nobody saw it either."""
        gone = self.rows[seq - 1].text
        self.rows = [replace(row, seq=row.seq - (row.seq > seq)) for row in self.rows if row.seq != seq]
        seqs = {row.text: row.seq for row in self.rows}
        for person in (self.ann, self.bob):
            person.shown = [replace(one, seq=seqs[one.text]) for one in person.shown if one.text != gone]
            for sent in person.sent:
                sent.seq = seqs.get(sent.text, sent.seq)
        self.life.heard = [one for one in self.life.heard if one.text != gone]


@pytest.fixture
def story() -> Story:
    return Story()


def test_where_all_went_well_nothing_is_found(story: Story) -> None:
    assert story.found() == []


# -- the database


@pytest.mark.parametrize("seq", [1, 3, 4])
def test_an_acknowledged_message_that_is_not_stored(story: Story, seq: int) -> None:
    speaker = story.rows[seq - 1].text.partition("#")[0]
    story.lose_row(seq)
    assert story.found() == [(checker.LOST, speaker)]


def test_a_message_of_an_old_dialect_that_is_not_stored(story: Story) -> None:
    story.lose_row(2)
    assert story.found() == [(checker.LOST, "old")]


def test_a_message_that_is_stored_twice(story: Story) -> None:
    story.rows.append(replace(story.rows[3], seq=10, identity="c:other", at=20.0))
    kinds = {kind for kind, client in story.found() if client == ROOM}
    assert kinds == {checker.TWICE}


def test_a_number_that_nobody_has(story: Story) -> None:
    story.rows[8] = replace(story.rows[8], seq=10)
    for person in (story.ann, story.bob):
        person.shown[8] = replace(person.shown[8], seq=10)
    story.old.lives[0].sent[-1].seq = 10
    assert (checker.LOST, ROOM) in story.found()


def test_a_row_that_nobody_sent(story: Story) -> None:
    story.rows.append(Row(ROOM, 10, "c:10", "whence?", 20.0))
    assert (checker.MADE_UP, ROOM) in story.found()


# -- acknowledgements


def test_a_message_that_was_never_acknowledged(story: Story) -> None:
    story.ann.sent[1].acked = None
    assert story.found() == [(checker.UNANSWERED, "ann")]


def test_a_message_that_was_refused_though_nothing_was_wrong_with_it(story: Story) -> None:
    story.ann.sent[1].acked, story.ann.sent[1].refused = None, "failed"
    assert story.found() == [(checker.UNANSWERED, "ann")]


def test_an_acknowledgement_with_the_wrong_number(story: Story) -> None:
    story.bob.sent[0].seq = 99
    assert story.found() == [(checker.ORDER, "bob")]


def test_a_harmful_message_has_to_be_refused(story: Story) -> None:
    story.ann.sent.append(Sent("ann#poison", 20.0, "p", refused="failed", poison=True))
    assert story.found() == []
    story.ann.sent[-1].refused = None
    assert story.found() == [(checker.FAULT, "ann")]


# -- what was sent in order


@pytest.mark.parametrize("name", ["ann", "old"])
def test_messages_of_one_person_that_are_stored_in_another_order(story: Story, name: str) -> None:
    sent = story.ann.sent if name == "ann" else story.life.sent
    sent[0], sent[1] = sent[1], sent[0]
    assert story.found() == [(checker.ORDER, name)]


# -- what arrived


@pytest.mark.parametrize("place", [0, 4, 8])
def test_v1_ends_without_a_message(story: Story, place: int) -> None:
    del story.bob.shown[place]
    assert story.found() == [(checker.LOST, "bob")]


def test_v1_owes_nothing_before_its_first_welcome(story: Story) -> None:
    story.bob.since = 4
    del story.bob.shown[:3]
    assert story.found() == []


def test_v1_that_was_never_welcomed(story: Story) -> None:
    story.bob.since = None
    assert story.found() == [(checker.LOST, "bob")]


@pytest.mark.parametrize("name", ["bob", "old"])
def test_a_message_that_came_twice(story: Story, name: str) -> None:
    heard = story.bob.shown if name == "bob" else story.life.heard
    heard.append(replace(heard[2], at=30.0))
    assert story.found() == [(checker.TWICE, name)]


@pytest.mark.parametrize("name", ["bob", "old"])
def test_messages_that_came_in_another_order(story: Story, name: str) -> None:
    heard = story.bob.shown if name == "bob" else story.life.heard
    heard[3], heard[4] = heard[4], heard[3]
    assert story.found() == [(checker.ORDER, name)]


def test_a_number_with_another_text_than_is_stored(story: Story) -> None:
    story.bob.shown[3] = Heard(14.0, "else", 4)
    assert set(story.found()) == {(checker.MADE_UP, "bob"), (checker.LOST, "bob")}


@pytest.mark.parametrize("place", [0, 4, 8])
def test_an_old_dialect_misses_a_message_while_its_socket_lived(story: Story, place: int) -> None:
    del story.life.heard[place]
    assert story.found() == [(checker.LOST, "old")]


def test_an_old_dialect_owes_nothing_before_its_socket_opened(story: Story) -> None:
    story.life.opened = 11.5
    del story.life.heard[0]
    assert story.found() == []


@pytest.mark.parametrize(("closed", "kinds"), [(18.5, []), (35.0, [checker.LOST])])
def test_what_was_on_its_way_to_a_socket_that_closed_is_not_owed(story: Story, closed: float, kinds: list[str]) -> None:
    story.life.closed = closed
    del story.life.heard[-1]
    assert [kind for kind, _ in story.found()] == kinds


def test_during_a_fault_a_socket_that_closed_is_owed_no_end_but_no_hole(story: Story) -> None:
    fault = Fault("interface-kill", "interface-0", 17.0, 35.0, 36.0, frozenset({"interface-0"}))
    story.history.faults.append(fault)
    story.life.closed, story.life.ours, story.life.code = 35.0, False, 1006
    del story.life.heard[-1]
    assert story.found() == []
    del story.life.heard[-2]
    assert story.found() == [(checker.LOST, "old")]


# -- old dialects' own messages


def test_a_socket_that_died_may_take_its_last_messages_along_but_none_before(story: Story) -> None:
    story.history.faults.append(Fault("interface-kill", "interface-0", 17.0, 18.0, 18.5, frozenset({"interface-0"})))
    story.life.closed, story.life.ours, story.life.code = 18.2, False, 1006
    story.life.sent.append(Sent("old#last", 18.1))
    assert story.found() == []
    story.life.sent.insert(0, Sent("old#first", 10.0))
    assert story.found() == [(checker.LOST, "old")]


def test_a_socket_that_was_left_in_peace_takes_nothing_along(story: Story) -> None:
    story.life.sent.append(Sent("old#last", 39.0))
    assert story.found() == [(checker.LOST, "old")]


# -- sockets


def test_a_socket_that_was_closed_without_a_cause(story: Story) -> None:
    story.ann.lives[0].ours, story.ann.lives[0].code = False, 1006
    assert story.found() == [(checker.CLOSED, "ann")]


@pytest.mark.parametrize(
    ("interfaces", "at", "kinds"),
    [
        ({"interface-0"}, 21.0, []),
        ({"interface-1"}, 21.0, [checker.CLOSED]),
        (set(), 21.0, [checker.CLOSED]),
        ({"interface-0"}, 31.0, [checker.CLOSED]),
    ],
)
def test_a_fault_closes_the_sockets_it_may_close_and_no_others(
    story: Story, interfaces: set[str], at: float, kinds: list[str]
) -> None:
    story.history.faults.append(Fault("worker-kill", "x", 20.0, 22.0, 22.0, frozenset(interfaces)))
    life = story.ann.lives[0]
    life.ours, life.code, life.closed = False, 1012, at
    assert [kind for kind, _ in story.found()] == kinds


def test_a_socket_whose_end_was_not_reported(story: Story) -> None:
    story.journal = replace(story.journal, disconnects=("i!bob", "i!old", "i!old"))
    assert story.found() == [(checker.NO_DISCONNECT, "ann")]


@pytest.mark.parametrize(
    ("lost", "kinds"),
    [({"i!ann"}, []), ({"i!bob"}, [checker.NO_DISCONNECT]), (set(), [checker.NO_DISCONNECT])],
)
def test_only_a_socket_whose_record_was_lost_within_the_lease_of_its_dead_interface_is_excused(
    story: Story, lost: set[str], kinds: list[str]
) -> None:
    killed = Fault("interface-kill", "interface-0", 20.0, 22.0, 22.0, frozenset({"interface-0"}))
    emptied = Fault("redis-empty", "redis", 30.0, 32.0, 33.0, forgets=True, lost=frozenset(lost))
    story.history.faults += [killed, emptied]
    life = story.ann.lives[0]
    life.ours, life.code, life.closed = False, 1006, 20.1
    story.journal = replace(story.journal, disconnects=("i!bob", "i!old"))
    assert [kind for kind, _ in story.found()] == kinds
    excused = checker.excused(story.history, story.journal)
    assert [(one.kind, one.client, one.fault) for one in excused] == [
        (checker.RECORD_LOST, "ann", emptied) for _ in lost & {"i!ann"}
    ]


def test_what_was_reported_needs_no_excuse(story: Story) -> None:
    emptied = Fault("redis-empty", "redis", 30.0, 32.0, 33.0, forgets=True, lost=frozenset({"i!ann"}))
    story.history.faults.append(emptied)
    assert checker.excused(story.history, story.journal) == []


def test_nobody_is_in_a_room_at_the_end(story: Story) -> None:
    story.journal = replace(story.journal, present=("i!ann", "i!nobody"))
    assert story.found() == [(checker.PRESENT, "ann"), (checker.PRESENT, "i!nobody")]


def test_an_excuse_for_a_missing_report_is_none_for_a_presence_that_stays(story: Story) -> None:
    emptied = Fault("redis-empty", "redis", 30.0, 32.0, 33.0, forgets=True, lost=frozenset({"i!ann"}))
    story.history.faults.append(emptied)
    story.journal = replace(story.journal, disconnects=("i!bob", "i!old"), present=("i!ann",))
    assert story.found() == [(checker.PRESENT, "ann")]


def test_a_handshake_that_was_given_up_is_reported_as_well(story: Story) -> None:
    story.journal = replace(story.journal, connects={**story.journal.connects, "bob.2": "i!bob2"})
    assert story.found() == [(checker.NO_DISCONNECT, "bob")]


def test_a_socket_that_was_accepted_by_nobody(story: Story) -> None:
    story.journal = replace(story.journal, connects={"ann.1": "i!ann", "bob.1": "i!bob"})
    assert story.found() == [(checker.MADE_UP, "old")]


# -- attribution


def test_a_finding_names_the_fault_that_is_nearest(story: Story) -> None:
    near, far = Fault("worker-kill", "worker-1", 13.5, 14.5, 15.0), Fault("storm", "all", 25.0, 25.0, 26.0)
    story.history.faults += [near, far]
    story.ann.sent[1].acked = None  # sent at 16.0
    assert [finding.fault for finding in check(story.history, story.rows, story.journal)] == [near]


def test_what_a_fault_itself_found_is_a_finding(story: Story) -> None:
    story.history.faults.append(Fault("stalled-reader", "tea", 12.0, 13.0, 14.0, found=["it was not closed"]))
    assert story.found() == [(checker.FAULT, "tea")]
