"""The protocol of one socket under any order of events, with the layer's record as the judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from switchboard.interface.actions import Accept, Action, Close, Deny, Enqueue, Forget, Pause, Resume
from switchboard.interface.answers import Answer, read_answer
from switchboard.interface.client_end import Phase
from switchboard.interface.connection import Connection
from switchboard.layers.base import Enqueued, Receipt
from switchboard.names import CONNECT, DISCONNECT, RECEIVE
from tests.unit.interface.connections import LIMITS, OPENING


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
