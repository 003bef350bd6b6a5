"""One numbered group: every member gets every number above its base once, in order, whatever comes when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from switchboard.interface.answers import Answer
from switchboard.interface.frames import Frame
from switchboard.interface.numbering import MOST_BYTES, MOST_KEPT, MOST_RECENT, Delivery, Track


def answer(seq: int, size: int = 0) -> Answer:
    return Answer(frame=Frame.of_text(str(seq).ljust(size)))


def numbers(deliveries: Iterable[Delivery]) -> list[tuple[str, int]]:
    """What each member gets, in order, one member after the other."""
    each = [
        (channel, int(content.frame.payload))
        for channels, content in deliveries
        for channel in channels
        if content.frame is not None
    ]
    return sorted(each, key=lambda delivery: delivery[0])


def test_in_order_and_each_once() -> None:
    track = Track()
    track.place("a", 4)

    assert numbers(track.message(5, answer(5), ["a"])) == [("a", 5)]
    assert numbers(track.message(7, answer(7), ["a"])) == []
    assert track.behind == 5
    assert numbers(track.message(5, answer(5), ["a"])) == []
    assert numbers(track.message(6, answer(6), ["a"])) == [("a", 6), ("a", 7)]
    assert numbers(track.message(6, answer(6), ["a"])) == []
    assert track.behind is None


def test_who_joins_with_a_base_that_is_a_moment_old_lacks_nothing() -> None:
    track = Track()
    track.place("a", 0)
    for seq in range(1, 100):
        track.message(seq, answer(seq), ["a"])

    assert numbers(track.place("b", 97)) == [("b", 98), ("b", 99)]
    assert track.place("c", 99 - MOST_RECENT - 5) == []
    assert track.behind == 99 - MOST_RECENT - 5


def test_who_joins_without_a_base_takes_up_where_the_group_is() -> None:
    track = Track()

    assert track.place("a", None) == []
    assert numbers(track.message(7, answer(7), ["a"])) == [("a", 7)], "nobody knows of a 6"
    assert track.message(6, answer(6), ["a"]) == []
    track.message(9, answer(9), ["a"])
    track.place("b", None)
    assert numbers(track.message(8, answer(8), ["a", "b"])) == [("a", 8), ("a", 9), ("b", 8), ("b", 9)]


def test_joining_again_with_a_higher_base_skips_what_was_had_otherwise() -> None:
    track = Track()
    track.place("a", 1)
    track.message(9, answer(9), ["a"])

    assert numbers(track.place("a", 8)) == [("a", 9)]
    assert track.place("a", 2) == []
    assert track.position("a") == 9


def test_a_repair_brings_what_exists_and_decides_the_rest() -> None:
    track = Track()
    track.place("a", 1)
    track.place("b", 3)
    track.message(8, answer(8), ["a", "b"])

    deliveries = track.fill(1, {3: answer(3), 5: answer(5), 99: answer(99)}, upto=7)
    assert numbers(deliveries) == [("a", 3), ("a", 5), ("a", 8), ("b", 5), ("b", 8)]
    assert track.behind is None


def test_an_answer_says_nothing_of_what_was_not_asked() -> None:
    track = Track()
    track.place("a", 5)
    track.message(9, answer(9), ["a"])
    track.place("late", 2)

    assert numbers(track.fill(5, {7: answer(7)}, upto=8)) == [("a", 7), ("a", 9)]
    assert track.behind == 2
    assert numbers(track.fill(2, {4: answer(4), 7: answer(7)}, upto=8)) == [("late", 4), ("late", 7), ("late", 9)]


def test_a_page_of_a_longer_past() -> None:
    track = Track()
    track.place("a", 0)
    track.told(300)
    track.fill(0, {seq: answer(seq) for seq in range(1, 201)}, upto=200)

    assert track.behind == 200


def test_what_came_by_itself_exists_whatever_a_repair_says() -> None:
    track = Track()
    track.place("a", 1)
    track.message(3, answer(3), ["a"])

    assert numbers(track.fill(1, {}, upto=3)) == [("a", 3)]


def test_giving_up_delivers_what_is_there() -> None:
    track = Track()
    track.place("a", 1)
    track.message(4, answer(4), ["a"])
    track.message(6, answer(6), ["a"])
    track.told(9)

    assert numbers(track.give_up()) == [("a", 4), ("a", 6)]
    assert track.behind is None
    assert numbers(track.message(10, answer(10), ["a"])) == [("a", 10)]


def test_what_cannot_be_read_has_its_place() -> None:
    track = Track()
    track.place("a", 1)

    assert track.message(2, None, ["a"]) == []
    assert track.behind is None


def test_a_tip_tells_of_a_last_message_that_was_lost() -> None:
    track = Track()
    track.place("a", 5)
    track.told(5)
    assert track.behind is None
    track.told(6)
    assert track.behind == 5


def test_what_is_kept_is_bounded_and_those_who_lack_nothing_get_theirs() -> None:
    for size, most in ((0, MOST_KEPT), (2048, MOST_BYTES // 2048)):
        track = Track()
        track.place("slow", 0)
        track.place("quick", 10)
        for seq in range(11, 12 + MOST_KEPT):
            assert numbers(track.message(seq, answer(seq, size), ["slow", "quick"])) == [("quick", seq)]
        assert track.full
        assert len(track._kept) <= most
        brought = numbers(track.fill(0, {seq: answer(seq, size) for seq in range(1, 12 + MOST_KEPT)}, 11 + MOST_KEPT))
        assert brought == [("slow", seq) for seq in range(1, 12 + MOST_KEPT)]
        assert not bool(track.full)
        assert len(track._kept) <= MOST_RECENT


def test_nothing_stays_of_members_that_left() -> None:
    track = Track()
    track.place("slow", 0)
    track.place("quick", 100)
    for seq in range(101, 300):
        track.message(seq, answer(seq), ["slow", "quick"])
    track.remove("slow")

    assert len(track._kept) <= MOST_RECENT
    track.remove("quick")
    assert len(track) == 0


def test_who_stands_where_the_others_do_is_served_with_them() -> None:
    track = Track()
    for channel in "abc":
        track.place(channel, 4)
    track.place("ahead", 5)
    track.place("behind", 3)
    members = ["a", "b", "c", "ahead", "behind"]

    assert sorted(track.message(5, answer(5), members)[0][0]) == ["a", "b", "c"]
    track.fill(3, {4: answer(4)}, 4)
    ((together, _),) = track.message(6, answer(6), members)
    assert sorted(together) == sorted(members)


def test_when_those_at_the_front_leave_the_next_lead() -> None:
    track = Track()
    track.place("a", 9)
    track.place("b", 4)
    track.place("c", 6)
    track.remove("a")

    assert track.lowest == 4
    assert numbers(track.message(7, answer(7), ["b", "c"])) == [("c", 7)]
    assert numbers(track.fill(4, {}, 6)) == [("b", 7)]


class AnyOrder(RuleBasedStateMachine):
    """A database with holes, messages that are lost, doubled and overtaken, tips, and answers that come late."""

    @initialize()
    def begin(self) -> None:
        self.track = Track()
        self.exists: dict[int, bool] = {}  # the database: number -> whether there is such a message
        self.on_the_way: list[int] = []
        self.answers: list[tuple[int, list[int], int]] = []
        self.base: dict[str, int | None] = {}
        self.got: dict[str, list[int]] = defaultdict(list)

    @property
    def tip(self) -> int:
        return max(self.exists, default=0)

    def do(self, deliveries: list[Delivery]) -> None:
        for channel, seq in numbers(deliveries):
            assert channel in self.base, "not a member"
            self.got[channel].append(seq)

    @rule(exists=st.booleans())
    def store(self, exists: bool) -> None:
        seq = self.tip + 1
        self.exists[seq] = exists
        if exists:
            self.on_the_way.append(seq)

    @precondition(lambda self: self.on_the_way)
    @rule(data=st.data(), fate=st.sampled_from(["arrives", "arrives", "twice", "lost"]))
    def message(self, data: st.DataObject, fate: str) -> None:
        seq = data.draw(st.sampled_from(self.on_the_way))
        if fate != "twice":
            self.on_the_way.remove(seq)
        if fate != "lost" and self.base:
            self.do(self.track.message(seq, answer(seq), list(self.base)))

    @rule(channel=st.sampled_from("abc"), back=st.integers(0, 5))
    def join(self, channel: str, back: int) -> None:
        if channel not in self.base:
            self.got[channel] = []
            self.base[channel] = base = max(0, self.tip - back)
            self.do(self.track.place(channel, base))

    @rule(channel=st.sampled_from("xy"))
    def join_without_base(self, channel: str) -> None:
        if channel not in self.base:
            self.got[channel] = []
            self.base[channel] = None
            self.do(self.track.place(channel, None))

    @rule(channel=st.sampled_from("abcxy"))
    def leave(self, channel: str) -> None:
        self.base.pop(channel, None)
        self.track.remove(channel)

    @rule()
    def hear_the_tip(self) -> None:
        self.track.told(self.tip)

    @precondition(lambda self: len(self.track) > 0)
    @rule(page=st.integers(1, 4))
    def ask(self, page: int) -> None:
        self.answers.append(self.asked(self.track.lowest, page))

    def asked(self, after: int, page: int) -> tuple[int, list[int], int]:
        rows = [seq for seq, exists in self.exists.items() if exists and seq > after]
        return after, rows[:page], rows[page - 1] if len(rows) > page else max(self.tip, after)

    @precondition(lambda self: self.answers)
    @rule(data=st.data(), again=st.booleans())
    def answered(self, data: st.DataObject, again: bool) -> None:
        chosen = data.draw(st.sampled_from(self.answers))
        if not again:
            self.answers.remove(chosen)
        self.fill(chosen)

    def fill(self, chosen: tuple[int, list[int], int]) -> None:
        after, rows, upto = chosen
        self.do(self.track.fill(after, {seq: answer(seq) for seq in rows}, upto))

    @invariant()
    def nothing_missing_nothing_twice_in_order(self) -> None:
        for channel, base in self.base.items():
            got = self.got[channel]
            begin = base if base is not None else (got[0] - 1 if got else 0)
            position = self.track.position(channel)
            upto = begin if position is None or not got else max(position, begin)
            if base is not None:
                upto = position if position is not None else begin
            assert got == [seq for seq, exists in self.exists.items() if exists and begin < seq <= upto]

    def teardown(self) -> None:
        """Ask until nothing is missing: then everybody with a base has everything."""
        self.track.told(self.tip)
        for _ in range(100):
            if self.track.behind is None:
                break
            self.fill(self.asked(self.track.lowest, 2))
            self.nothing_missing_nothing_twice_in_order()
        assert self.track.behind is None
        for channel, base in self.base.items():
            if base is not None:
                assert self.got[channel] == [seq for seq, exists in self.exists.items() if exists and seq > base]


AnyOrder.TestCase.settings = settings(max_examples=80, stateful_step_count=50, deadline=None)
TestAnyOrder = AnyOrder.TestCase
