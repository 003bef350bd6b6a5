"""What is handled together does what the same things do one after the other: rows, answers, what each client knows.

Batches do in one piece what was thought out for one message: who gets a handle first, who is told that somebody came,
which of two repetitions is the duplicate. Hypothesis looks for a round in which that makes a difference.

In one batch messages of different sockets have no order that anybody could rely on. What ``chat.receiving`` makes of
it is the order of: what is said in ``switchboard.v1``, then what is said in the old dialects, then the hellos. The
rounds are in that order, so that both worlds mean the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from django.db import OperationalError, connection
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from switchboard.names import CONNECT
from tests.integration.chat.worlds import Seat, World, bury_first, lock, mute_last

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("own_layer"),
    # Where there is a difference, finding the shortest story that shows it takes five minutes.
    pytest.mark.timeout(600),
]

SEATS = (
    Seat("a", "Ada's"),
    Seat("a", "Ada's"),
    Seat("a", "Bob's"),
    Seat("a", "Eve's"),
    Seat("a"),
    Seat("a", "Bob's", "classic"),
    Seat("a", None, "classic"),
    Seat("a", None, "classic"),
    Seat("b", "Ada's"),
    Seat("b", "Eve's"),
    Seat("b", None, "tutorial"),
)
ACTS = {"lock": lock(True), "unlock": lock(False), "mute": mute_last, "bury": bury_first}

handles = st.sampled_from(["ada", "bob", "eve", "ADA", "admin", " ", "e\u0000ve", "x" * 40])
bodies = st.sampled_from(["hi", "yo", "", "\ud800"])
frames = st.one_of(
    st.fixed_dictionaries(
        {"t": st.just("msg"), "cid": st.sampled_from("12"), "body": bodies}, optional={"handle": handles}
    ),
    st.fixed_dictionaries({"t": st.just("handle"), "handle": handles}),
    st.fixed_dictionaries(
        {"t": st.just("hello")}, optional={"last": st.sampled_from([None, 0, 1, 3, 99, -1]), "handle": handles}
    ),
    st.sampled_from([{"t": "ping", "spelt": "so"}, {"t": "typing"}, {"t": "shout"}, {}]),
)
old_frames = st.fixed_dictionaries({"handle": handles, "message": bodies})
places = st.sets(st.integers(0, len(SEATS) - 1))

steps = st.one_of(
    st.tuples(st.just("connect"), places),
    st.tuples(st.just("say"), st.fixed_dictionaries(dict.fromkeys(range(len(SEATS)), frames | old_frames)), places),
    st.tuples(st.just("disconnect"), places),
    st.tuples(st.sampled_from(sorted(ACTS)), st.sampled_from("ab")),
)
scripts = st.lists(steps, min_size=1, max_size=6).map(lambda more: [("connect", set(range(len(SEATS)))), *more])

HI = {"t": "msg", "cid": "1", "body": "hi"}
#: Somebody without a handle says once more what somebody with one said just before.
REPEATED_WITHOUT_A_HANDLE = [
    ("connect", {0, 1, 2}),
    ("say", {0: HI, 1: {"t": "handle", "handle": "ada"}, 2: HI}, {0, 1, 2}),
]
#: Somebody says what somebody else said just before, who is muted.
REPEATED_AFTER_WHO_IS_MUTED = [
    ("connect", {0, 4}),
    ("say", {0: {"t": "handle", "handle": "ada"}, 4: {"t": "handle", "handle": "bob"}}, {0, 4}),
    ("mute", "a"),
    ("say", {0: HI, 4: {**HI, "handle": "bob"}}, {0, 4}),
]
#: Somebody says hello from one socket and says something from another, an old one.
GREETED_AFTER_SAID = [
    ("connect", {2, 5}),
    ("say", {2: {"t": "hello"}, 5: {"handle": "bob", "message": "hi"}}, {2, 5}),
]
#: Somebody comes with two tabs at once, which remember two handles.
COME_UNDER_TWO_HANDLES = [
    ("connect", {0, 1}),
    ("say", {0: {"t": "hello", "handle": "ada"}, 1: {"t": "hello", "handle": "eve"}}, {0, 1}),
]


def played(world: World, script: Sequence[Any]) -> World:
    """The world after it. Who is not there says nothing, and comes once."""
    there: set[int] = set()
    for act, *what in script:
        if act == "connect":
            coming = sorted(place for place in what[0] if world.channels[place] is None)
            world.connect(coming)
            there.update(coming)
        elif act == "say":
            said, speakers = what
            world.say(sorted(((place, said[place]) for place in speakers & there), key=_order))
        elif act == "disconnect":
            world.disconnect(sorted(what[0] & there))
            there -= what[0]
        else:
            world.moderate(ACTS[act], what[0])
    return world


def _order(said: tuple[int, Mapping[str, Any]]) -> tuple[int, bool, int]:
    place, frame = said
    old, greets = SEATS[place].dialect != "v1", frame.get("t") == "hello"
    # Who names a handle by what they say goes before those who go by the one they have.
    return 2 * greets + (old and not greets), not frame.get("handle"), place


def named(places: Sequence[int], seen: Sequence[Any]) -> dict[str, Any]:
    return {f"{place} {SEATS[place]}": seen[place] for place in places}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(script=scripts)
@example(REPEATED_WITHOUT_A_HANDLE)
@example(REPEATED_AFTER_WHO_IS_MUTED)
@example(GREETED_AFTER_SAID)
@example(COME_UNDER_TWO_HANDLES)
def test_together_or_one_after_the_other_is_the_same(script: Sequence[Any]) -> None:
    alone = played(World(SEATS, together=False), script)
    together = played(World(SEATS, together=True), script)
    assert together.rows() == alone.rows()
    everybody = range(len(SEATS))
    assert named(everybody, together.seen) == named(everybody, alone.seen)


class Fault:
    """The ``at``-th statement of a batch fails, once."""

    def __init__(self, at: int, error: Exception) -> None:
        self.at = self.left = at
        self.error = error

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.left -= 1
        if self.left == 0:
            raise self.error
        return execute(sql, params, many, context)


class Failing(World):
    """A world in which each batch fails once."""

    def __init__(self, seats: Sequence[Seat], fault: Fault) -> None:
        super().__init__(seats, together=True)
        self._fault = fault

    def _handle_together(self, deliveries: Sequence[Any]) -> None:
        # What raises by itself has failed. Of connects one may be by itself: several consumers share their channel.
        alone = len(deliveries) == 1 or deliveries[0].channel == CONNECT
        error = OperationalError("database is locked") if alone else self._fault.error
        with connection.execute_wrapper(Fault(self._fault.at, error)):
            super()._handle_together(deliveries)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    script=scripts,
    at=st.integers(1, 20),
    error=st.sampled_from([OperationalError("database is locked"), RuntimeError("a fault of ours")]),
)
def test_a_batch_that_fails_halfway_is_as_if_it_had_not(script: Sequence[Any], at: int, error: Exception) -> None:
    """Whichever statement fails, and whether the batch is run again or each by itself: nothing is lost or doubled, and
    each gets the same answers. (Who came or is called otherwise is told of once, and lost with the run that failed.)"""
    alone = played(World(SEATS, together=False), script)
    failing = played(Failing(SEATS, Fault(at, error)), script)
    assert failing.rows() == alone.rows()
    for place, (one, other) in enumerate(zip(failing.seen, alone.seen, strict=True)):
        assert (place, one.messages, one.answers) == (place, other.messages, other.answers)
