"""The protocol of one socket: single stories, then any order of events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from switchboard.interface.actions import Accept, Action, Close, Deny, Enqueue, Forget, Pause, Resume, Send
from switchboard.interface.answers import Answer, read_answer
from switchboard.interface.connection import RESEND_AFTER, Connection, Limits, Opening, Phase
from switchboard.interface.frames import Frame
from switchboard.interface.waiting import FRAME_OVERHEAD
from switchboard.layers.base import Enqueued, Receipt, SocketState
from switchboard.names import CONNECT, DISCONNECT, RECEIVE

LIMITS = Limits(connect_timeout=15, buffer_bytes=1000)
OPENING = Opening("/chat/x/", {"path": "/chat/x/", "headers": []}, ["switchboard.v1"])


def opened() -> Connection:
    """A connection whose connect is queued."""
    connection = Connection("i!s", OPENING, LIMITS)
    connection.opened(0.0)
    connection.enqueued(0, Receipt(Enqueued.QUEUED), 0.0)
    return connection


def accepted(**answer: Any) -> Connection:
    """One that is open, with nothing under way."""
    connection = opened()
    connection.answered(read_answer({"accept": True, **answer}))
    connection.acknowledged(0)
    return connection


def queue(connection: Connection, order: int) -> None:
    connection.enqueued(order, Receipt(Enqueued.QUEUED), 0.0)


def envelopes(actions: Sequence[Action]) -> list[tuple[str, int | None]]:
    return [(a.envelope.channel, a.envelope.order) for a in actions if isinstance(a, Enqueue)]


def text(value: str) -> Frame:
    return Frame.of_text(value)


# -- messages


def test_a_connect_has_the_keys_of_the_opening_and_its_identity() -> None:
    (action,) = Connection("i!s", OPENING, LIMITS).opened(0.0)

    assert isinstance(action, Enqueue)
    envelope = action.envelope
    assert (envelope.channel, envelope.id, envelope.socket, envelope.order) == (CONNECT, "i!s/0", "i!s", 0)
    assert envelope.content == {"path": "/chat/x/", "headers": [], "order": 0, "reply_channel": "i!s"}


def test_frames_and_the_disconnect_have_the_keys_of_1x() -> None:
    connection = accepted()
    contents = []
    frames: list[str | bytes] = ["hi", b"\x00"]
    for order, data in enumerate(frames, start=1):
        (action,) = connection.frame(data)
        assert isinstance(action, Enqueue)
        contents.append(action.envelope.content)
        connection.acknowledged(order)
    (action,) = connection.lost(1001)
    assert isinstance(action, Enqueue)
    contents.append(action.envelope.content)

    assert contents == [
        {"path": "/chat/x/", "text": "hi", "order": 1, "reply_channel": "i!s"},
        {"path": "/chat/x/", "bytes": b"\x00", "order": 2, "reply_channel": "i!s"},
        {"path": "/chat/x/", "code": 1001, "order": 3, "reply_channel": "i!s"},
    ]
    assert connection.acknowledged(3) == [Forget()]


def test_one_message_is_under_way_and_the_others_wait_for_its_acknowledgement() -> None:
    connection = accepted()

    assert envelopes(connection.frame("a")) == [(RECEIVE, 1)]
    assert connection.frame("b") == []
    assert connection.lost(1000) == []
    assert envelopes(connection.acknowledged(1)) == [(RECEIVE, 2)]
    assert envelopes(connection.acknowledged(2)) == [(DISCONNECT, 3)]


def test_an_acknowledgement_of_another_order_is_ignored() -> None:
    connection = accepted()
    connection.frame("a")
    connection.frame("b")

    assert connection.acknowledged(0) == []
    assert connection.acknowledged(2) == []
    assert not connection.takes(0)
    assert connection.takes(1)
    assert connection.takes(None)


def test_what_was_handled_before_counts_as_acknowledged() -> None:
    connection = accepted()
    connection.frame("a")
    connection.frame("b")

    assert connection.enqueued(1, Receipt(Enqueued.DONE), 0.0) == [], "its acknowledgement may be in the inbox still"
    assert connection.takes(1)
    assert envelopes(connection.acknowledged(1)) == [(RECEIVE, 2)]
    assert connection.settled(1, None) == []


def test_what_was_handled_but_never_acknowledged_is_gone_and_the_client_is_told_to_look() -> None:
    connection = accepted(frames={"resync": "look"})
    connection.frame("a")
    connection.frame("b")
    connection.enqueued(1, Receipt(Enqueued.DONE, {"n": 1}), 0.0)

    actions = connection.settled(1, {"n": 1})
    assert actions[0] == Send(text("look"))
    assert envelopes(actions) == [(RECEIVE, 2)]
    assert connection.state == SocketState("i!s", 1, 1, "/chat/x/", {"n": 1})


def test_a_handshake_whose_answer_was_lost_is_closed_at_once() -> None:
    connection = Connection("i!s", OPENING, LIMITS)
    connection.opened(0.0)
    connection.enqueued(0, Receipt(Enqueued.DONE), 0.0)

    assert connection.settled(0, None) == [Accept("switchboard.v1"), Close(1012)]
    assert envelopes(connection.lost(1012)) == [(DISCONNECT, 1)]


# -- the handshake and the frames to the client

HANDSHAKES: list[tuple[list[dict[str, Any]], list[Action]]] = [
    ([{"accept": True}], [Accept()]),
    ([{"accept": True, "subprotocol": "switchboard.v1"}], [Accept("switchboard.v1")]),
    ([{"accept": True, "subprotocol": "never offered"}], [Accept()]),
    ([{"accept": True}, {"accept": True}], [Accept()]),
    ([{"accept": True, "text": "hi"}], [Accept(), Send(text("hi"))]),
    ([{"text": ""}], [Accept(), Send(text(""))]),
    ([{"bytes": b"x"}], [Accept(), Send(Frame(b"x"))]),
    ([{"accept": False}], [Deny()]),
    ([{"accept": False, "text": "no"}], [Deny()]),
    ([{"close": True}], [Deny()]),
    ([{"close": 4404}, {"accept": True}], [Deny()]),
    ([{"accept": True, "close": 4404}], [Accept(), Close(4404)]),
    ([{"text": "bye", "close": True}, {"text": "late"}], [Accept(), Send(text("bye")), Close(1000)]),
    ([{"close": False}, {}], []),
]


@pytest.mark.parametrize(("answers", "actions"), HANDSHAKES)
def test_what_answers_to_a_handshake_do(answers: list[dict[str, Any]], actions: list[Action]) -> None:
    connection = opened()

    assert [action for answer in answers for action in connection.answered(read_answer(answer))] == actions


def test_a_refused_socket_still_gets_its_disconnect() -> None:
    connection = opened()
    connection.answered(Answer(accept=False))
    connection.acknowledged(0)

    assert envelopes(connection.lost(1006)) == [(DISCONNECT, 1)]


def test_a_connect_that_failed_is_refused() -> None:
    assert opened().acknowledged(0, failed=True) == [Deny()]


def test_a_connect_that_failed_after_an_answer_stays_open() -> None:
    connection = opened()
    connection.answered(Answer(accept=True))

    assert connection.acknowledged(0, failed=True) == []


def test_a_handshake_nobody_answers_is_closed_so_that_a_browser_sees_it() -> None:
    connection = opened()
    connection.acknowledged(0)

    assert connection.wake_at == 15
    assert connection.timer(14.9) == []
    assert connection.timer(15) == [Accept("switchboard.v1"), Close(1013)]
    assert connection.wake_at is None


@pytest.mark.parametrize(("canned", "told"), [({"failed": "sorry"}, [Send(text("sorry"))]), ({}, [])])
def test_a_frame_that_failed_is_answered_with_what_the_application_gave(
    canned: dict[str, str], told: list[Action]
) -> None:
    connection = accepted(frames=canned)
    connection.frame("a")

    assert connection.acknowledged(1, failed=True) == told
    assert connection.phase is Phase.OPEN


# -- what the interface answers by itself


def test_a_text_with_an_answer_is_answered_at_once_and_reaches_no_worker() -> None:
    connection = accepted(answers={"ping": "pong"})

    assert connection.frame("ping") == [Send(text("pong"))]
    connection.frame("a")
    connection.frame("waits")
    assert connection.frame("ping") == [Send(text("pong"))], "whatever is under way"
    assert connection.last_order == 1
    assert envelopes(connection.acknowledged(1)) == [(RECEIVE, 2)], "the one that waited, no ping"


@pytest.mark.parametrize("data", ["Ping", "ping ", b"ping"])
def test_only_the_very_text_is_answered(data: str | bytes) -> None:
    assert envelopes(accepted(answers={"ping": "pong"}).frame(data)) == [(RECEIVE, 1)]


def test_answers_may_be_added_and_end_with_the_socket() -> None:
    connection = accepted(answers={"ping": "pong"})
    connection.answered(read_answer({"answers": {"more": "and more"}}))

    assert [connection.frame("ping"), connection.frame("more")] == [[Send(text("pong"))], [Send(text("and more"))]]
    connection.answered(read_answer({"close": True}))
    assert connection.frame("ping") == []


# -- refusals of the layer


def test_a_full_channel_refuses_a_connect_and_nobody_is_told_of_it() -> None:
    connection = Connection("i!s", OPENING, LIMITS)
    connection.opened(0.0)

    assert connection.enqueued(0, Receipt(Enqueued.FULL), 0.0) == [Accept("switchboard.v1"), Close(1013)]
    assert connection.lost(1013) == [Forget()]


def test_a_full_channel_makes_a_frame_wait_and_says_so_once() -> None:
    connection = accepted(frames={"busy": "busy"})
    connection.frame("a")

    assert connection.enqueued(1, Receipt(Enqueued.FULL), 10.0) == [Send(text("busy"))]
    assert connection.wake_at is not None and 10.0 < connection.wake_at <= 10.1
    assert envelopes(connection.timer(10.1)) == [(RECEIVE, 1)]
    assert connection.enqueued(1, Receipt(Enqueued.FULL), 10.1) == []


def test_backoff_grows_and_ends() -> None:
    connection = accepted()
    connection.frame("a")
    delays = []
    for _ in range(12):
        connection.unavailable(1, 100.0)
        assert connection.wake_at is not None
        delays.append(connection.wake_at - 100.0)
        connection.timer(connection.wake_at)

    assert delays[0] <= 0.1
    assert delays[4] > delays[0]
    assert 2.5 <= delays[-1] <= 5.0


def test_what_is_not_acknowledged_is_enqueued_again_and_only_once_at_a_time() -> None:
    connection = accepted()
    (first,) = connection.frame("a")
    queue(connection, 1)

    assert connection.wake_at == RESEND_AFTER
    assert connection.timer(RESEND_AFTER - 0.1) == []
    assert connection.timer(RESEND_AFTER) == [first]
    assert connection.timer(RESEND_AFTER + 100) == []
    assert connection.again() == []
    connection.unavailable(1, RESEND_AFTER)
    assert connection.again() == [first]


def unknown(connection: Connection, order: int) -> list[Action]:
    return connection.enqueued(order, Receipt(Enqueued.UNKNOWN), 0.0)


def test_a_socket_whose_record_was_lost_goes_on() -> None:
    connection = accepted()
    (first,) = connection.frame("a")

    assert unknown(connection, 1) == []
    assert connection.unknown
    assert connection.wake_at is None, "nothing is asked before it is decided what that means"
    assert connection.state == SocketState("i!s", 0, 0, "/chat/x/", None)
    assert connection.recovered(data_lost=True) == [first]
    assert not connection.unknown


def test_a_disconnect_without_record_was_handled_unless_data_were_lost() -> None:
    for data_lost in (True, False):
        connection = accepted()
        (disconnect,) = connection.lost(1000)
        unknown(connection, 1)

        assert connection.recovered(data_lost=data_lost) == ([disconnect] if data_lost else [Forget()])


def test_a_socket_that_others_took_for_dead_is_closed_and_forgotten() -> None:
    connection = accepted()
    connection.frame("a")
    connection.frame("b")
    unknown(connection, 1)

    assert connection.abandon() == [Close(1012), Forget()]
    assert connection.lost(1012) == []


def test_recovery_asks_again_for_what_is_under_way_whatever_was_being_asked() -> None:
    connection = accepted()
    (first,) = connection.frame("a")

    assert connection.recovered(data_lost=False) == [first]
    assert accepted().recovered(data_lost=True) == []


def test_the_record_is_that_of_the_last_acknowledgement() -> None:
    connection = Connection("i!s", OPENING, LIMITS)
    connection.opened(0.0)
    assert connection.state == SocketState("i!s", -1, -1, "/chat/x/", None)
    connection.answered(Answer(accept=True))
    connection.acknowledged(0, session={"name": "ann"})
    connection.frame("a")
    connection.acknowledged(1)
    assert connection.state == SocketState("i!s", 1, 1, "/chat/x/", {"name": "ann"})


def test_a_connect_that_was_never_queued_has_no_record() -> None:
    connection = Connection("i!s", OPENING, LIMITS)
    connection.opened(0.0)
    connection.enqueued(0, Receipt(Enqueued.FULL), 0.0)

    assert connection.state is None


def test_a_client_that_sends_ahead_is_not_read_until_little_is_left() -> None:
    connection = accepted()
    connection.frame("under way")

    assert connection.frame("x" * 300) == []
    assert connection.frame("x" * 300) == [Pause()]
    assert connection.frame("") == [], "what was read already"
    assert not any(isinstance(action, Resume) for action in connection.acknowledged(1))
    assert connection.acknowledged(2)[0] == Resume()


def test_a_buffer_beyond_its_bound_closes_the_socket_and_keeps_what_it_had() -> None:
    connection = accepted()
    connection.frame("under way")
    room = LIMITS.buffer_bytes - FRAME_OVERHEAD

    assert connection.frame("x" * room) == [Pause()]
    assert connection.frame("") == [Resume(), Close(1013)], "or the client's own close is never read"
    assert connection.frame("not heard") == []
    connection.lost(1013)
    assert envelopes(connection.acknowledged(1)) == [(RECEIVE, 2)]
    assert envelopes(connection.acknowledged(2)) == [(DISCONNECT, 3)]


def test_a_frame_beyond_the_bound_is_too_big_even_alone() -> None:
    assert accepted().frame("ä" * 501) == [Close(1009)]


# -- the end of the interface


def test_leaving_hands_over_what_waits_and_then_the_disconnect() -> None:
    connection = accepted()
    connection.frame("a")
    connection.frame("b")

    assert connection.leave() == [Close(1012)]
    assert connection.leaving
    assert envelopes(connection.acknowledged(1)) == [(RECEIVE, 2)]
    assert envelopes(connection.acknowledged(2)) == [(DISCONNECT, 3)]
    assert connection.enqueued(3, Receipt(Enqueued.QUEUED), 0.0) == [Forget()]


def test_a_client_that_is_moved_is_told_first() -> None:
    assert accepted(frames={"moving": "come back"}).leave()[:2] == [Send(text("come back")), Close(1012)]


def test_abandoning_leaves_the_disconnect_behind() -> None:
    connection = accepted()
    connection.frame("a")
    connection.frame("b")

    actions = connection.abandon()
    assert actions[0] == Close(1012)
    assert envelopes(actions) == [(DISCONNECT, 2)]
    assert connection.abandon() == []
    assert connection.enqueued(2, Receipt(Enqueued.UNKNOWN), 0.0) == [Forget()]


def test_leaving_in_the_handshake_shows_the_browser_why() -> None:
    assert opened().leave() == [Accept("switchboard.v1"), Close(1012)]


# -- any order of events


class AnyOrder(RuleBasedStateMachine):
    """A client, a layer and a worker that do what they may in any order; the layer's record is the judge."""

    @initialize(accepted=st.booleans())
    def open(self, accepted: bool) -> None:
        self.connection = Connection("i!s", OPENING, LIMITS)
        self.now = 0.0
        self.asked: dict[int, Enqueue] = {}  # enqueues that have not returned
        self.sent: list[str] = []  # frames the client sent while the socket was open
        self.arrived: list[Enqueue] = []  # what the layer took, in order, each once
        self.acked = -1
        self.wire: list[Action] = []
        self.forgotten = self.paused = False
        self.refused = False
        self.do(self.connection.opened(0.0))
        if accepted:
            self.layer_takes(0)
            self.do(self.connection.answered(Answer(accept=True)))

    def do(self, actions: Sequence[Action]) -> None:
        for action in actions:
            assert not self.forgotten, "nothing after Forget"
            if isinstance(action, Enqueue):
                order = action.envelope.order
                assert order is not None
                assert order not in self.asked, "one enqueue of a message at a time"
                self.asked[order] = action
            elif isinstance(action, Forget):
                self.forgotten = True
            elif isinstance(action, (Pause, Resume)):
                assert self.paused is isinstance(action, Resume)
                self.paused = not self.paused
            else:
                self.wire.append(action)

    def take(self, order: int) -> None:
        """What `Layer.enqueue` does with a message it takes."""
        action = self.asked[order]
        if order > max((a.envelope.order or 0 for a in self.arrived), default=-1):
            assert len(self.arrived) == self.acked + 1, "one at a time"
            self.arrived.append(action)

    def layer_takes(self, order: int) -> None:
        self.take(order)
        del self.asked[order]
        result = Enqueued.DONE if order <= self.acked else Enqueued.QUEUED
        self.do(self.connection.enqueued(order, Receipt(result), self.now))

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), outcome=st.sampled_from(["queued", "full", "lost before", "lost after"]))
    def layer(self, data: st.DataObject, outcome: str) -> None:
        order = data.draw(st.sampled_from(sorted(self.asked)))
        channel = self.asked[order].envelope.channel
        known = any(a.envelope.order == order for a in self.arrived)
        if outcome == "full" and (known or channel == DISCONNECT):
            outcome = "queued"  # the contract: never FULL then
        if outcome == "queued":
            self.layer_takes(order)
            return
        if outcome == "lost after":
            self.take(order)
        del self.asked[order]
        if outcome == "full":
            self.refused = self.refused or channel == CONNECT
            self.do(self.connection.enqueued(order, Receipt(Enqueued.FULL), self.now))
        else:
            self.do(self.connection.unavailable(order, self.now))

    @precondition(lambda self: len(self.arrived) > self.acked + 1)
    @rule(failed=st.booleans(), answer=st.sampled_from([{}, {"accept": True}, {"text": "t"}, {"close": True}]))
    def worker(self, failed: bool, answer: dict[str, Any]) -> None:
        self.acked += 1
        if self.connection.takes(self.acked) and not failed:
            self.do(self.connection.answered(read_answer(answer)))
        self.do(self.connection.acknowledged(self.acked, failed=failed))

    @rule(size=st.integers(0, 400))
    def client_sends(self, size: int) -> None:
        data = f"{len(self.sent)}:" + "x" * size
        open_before = self.connection.phase is Phase.OPEN
        self.do(self.connection.frame(data))
        if open_before and self.connection.phase is Phase.OPEN:
            self.sent.append(data)

    @rule(code=st.sampled_from([1000, 1001, 1006]))
    def client_goes(self, code: int) -> None:
        self.do(self.connection.lost(code))

    @rule(seconds=st.sampled_from([0.05, 1.0, 31.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.do(self.connection.timer(self.now))

    @rule()
    def layer_returns(self) -> None:
        self.do(self.connection.again())

    @rule(data_lost=st.booleans())
    def recovery(self, data_lost: bool) -> None:
        """Whatever the enqueuers were doing was cut off."""
        self.asked.clear()
        self.do(self.connection.recovered(data_lost=data_lost))

    @rule()
    def stale(self) -> None:
        """An old acknowledgement, seen again."""
        if self.acked >= 0:
            before = self.connection.under_way
            if before is None or before.order != self.acked:
                assert self.connection.acknowledged(self.acked) == []

    @invariant()
    def bounded(self) -> None:
        assert 0 <= self.connection.buffered <= LIMITS.buffer_bytes

    @invariant()
    def read_unless_much_waits(self) -> None:
        if self.connection.phase is Phase.OPEN:
            waiting = self.connection.buffered
            assert waiting >= LIMITS.buffer_bytes / 4 if self.paused else waiting <= LIMITS.buffer_bytes / 2

    @invariant()
    def frames_in_order(self) -> None:
        texts = [a.envelope.content["text"] for a in self.arrived if a.envelope.channel == RECEIVE]
        assert texts == self.sent[: len(texts)]

    @invariant()
    def handshake_is_answered_once_and_first(self) -> None:
        kinds = [type(action) for action in self.wire]
        assert kinds.count(Accept) + kinds.count(Deny) <= 1
        assert not kinds or kinds[0] in (Accept, Deny)
        assert kinds.count(Close) <= 1
        assert Close not in kinds or kinds[-1] is Close

    def teardown(self) -> None:
        """Let everything come to its end: the client goes, the layer and the worker do their work."""
        self.do(self.connection.lost(1006))
        for _ in range(10_000):
            if self.forgotten:
                break
            for order in sorted(self.asked):
                self.layer_takes(order)
            while len(self.arrived) > self.acked + 1:
                self.acked += 1
                self.do(self.connection.acknowledged(self.acked))
            self.now += 6
            self.do(self.connection.timer(self.now))
        assert self.forgotten
        assert self.connection.wake_at is None
        self.frames_in_order()
        channels = [action.envelope.channel for action in self.arrived]
        if self.refused:
            assert channels == []
        else:
            assert channels == [CONNECT, *[RECEIVE] * len(self.sent), DISCONNECT]


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestAnyOrder = AnyOrder.TestCase
