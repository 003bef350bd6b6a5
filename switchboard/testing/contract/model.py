"""A layer against a small model of it, through long random stories.

Sockets send, workers receive, commit or give up, lose messages to each other and commit them all the same. Whatever
the story, each order of a socket is acknowledged once and in order, its outputs leave once, and the numbers of the
inbox have no hole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from switchboard.events import Ack, Envelope, InboxEvent, Reply
from switchboard.layers.base import Delivery, Enqueued, Layer, SocketState
from switchboard.names import CONNECT, RECEIVE, new_interface, new_reply_channel, token
from switchboard.testing.contract.acts import LayerTests, MakeLayer

T = TypeVar("T")

WORKERS = ("worker.1", "worker.2", "worker.3")


@dataclass
class Socket:
    """What the model knows of a socket."""

    name: str
    sent: int = -1
    acked: int = -1


@dataclass
class Model:
    """What the model knows: sockets, what is queued, who holds what, and what the inbox has to hold."""

    sockets: list[Socket] = field(default_factory=list)
    queued: list[tuple[Socket, int]] = field(default_factory=list)
    owners: dict[str, tuple[Socket, int, str]] = field(default_factory=dict)
    inbox: list[tuple[InboxEvent, ...]] = field(default_factory=list)
    buried: int = 0


def machine_for(make_layer: MakeLayer) -> type[RuleBasedStateMachine]:
    """The machine that tells stories to a layer made by ``make_layer``."""

    class Stories(RuleBasedStateMachine):
        held = Bundle("held")

        @initialize()
        def begin(self) -> None:
            self.loop = asyncio.new_event_loop()
            self.layer: Layer = make_layer(channel_capacity={RECEIVE: 4})
            self.model = Model()
            self.home = new_interface()
            self.run_(self.layer.open_inbox(self.home))

        def run_(self, call: Coroutine[Any, Any, T]) -> T:
            return self.loop.run_until_complete(call)

        def teardown(self) -> None:
            if not hasattr(self, "loop"):
                return
            try:
                self.check_the_end()
            finally:
                self.run_(self.layer.flush())
                self.run_(self.layer.close())
                self.loop.close()

        # -- the interface

        @rule()
        def connect(self) -> None:
            socket = Socket(new_reply_channel(self.home))
            self.model.sockets.append(socket)
            self.enqueue(socket, 0, CONNECT)
            (delivery,) = self.run_(self.layer.take(WORKERS[0], [CONNECT], count=1, wait=0))
            self.model.owners[delivery.tag] = (socket, 0, WORKERS[0])
            self.model.queued.remove((socket, 0))
            self.commit((WORKERS[0], delivery), outputs=1)

        @rule(data=st.data(), aheads=st.lists(st.integers(-2, 1), min_size=1, max_size=8))
        def send(self, data: st.DataObject, aheads: list[int]) -> None:
            """At once, for each: the next message of a socket, or one of the last ones over again."""
            envelopes, expected = [], []
            for ahead in aheads if self.model.sockets else ():
                socket = data.draw(st.sampled_from(self.model.sockets))
                # A socket has one message under way at most.
                order = max(0, min(socket.sent + ahead, socket.acked + 1))
                channel = CONNECT if order == 0 else RECEIVE
                envelopes.append(Envelope(channel, token(), {}, socket.name, order))
                expected.append(self.expect(socket, order, channel))
            receipts = self.run_(self.layer.enqueue_many(envelopes))
            assert [receipt.outcome for receipt in receipts] == expected

        def enqueue(self, socket: Socket, order: int, channel: str) -> None:
            expected = self.expect(socket, order, channel)
            envelope = Envelope(channel, token(), {}, socket.name, order)
            assert self.run_(self.layer.enqueue(envelope)).outcome is expected

        def expect(self, socket: Socket, order: int, channel: str) -> Enqueued:
            """What is to become of a message, which the model notes down."""
            if order <= socket.acked:
                return Enqueued.DONE
            if order > socket.sent:
                if channel == RECEIVE and self.depth() >= 4:
                    return Enqueued.FULL
                socket.sent = order
                self.model.queued.append((socket, order))
            return Enqueued.QUEUED

        @rule()
        def recover(self) -> None:
            """All sockets are brought back as their interface knows them; nothing was lost, so nothing changes."""
            known = [SocketState(socket.name, socket.sent, socket.acked) for socket in self.model.sockets]
            self.run_(self.layer.restore(known))

        # -- the workers

        @rule(target=held, worker=st.sampled_from(WORKERS))
        def receive(self, worker: str) -> tuple[str, Delivery | None]:
            deliveries = self.run_(self.layer.take(worker, [RECEIVE], count=1, wait=0))
            assert len(deliveries) == min(1, len(self.model.queued))
            for delivery in deliveries:
                socket, order = self.model.queued.pop(0)
                assert (delivery.envelope.socket, delivery.envelope.order) == (socket.name, order)
                self.model.owners[delivery.tag] = (socket, order, worker)
            return worker, deliveries[0] if deliveries else None

        @rule(target=held, worker=st.sampled_from(WORKERS))
        def take_over(self, worker: str) -> tuple[str, Delivery | None]:
            """Whatever is pending longest becomes another worker's."""
            found = self.run_(self.layer.pending([RECEIVE], idle=0))
            assert {p.tag: p.owner for p in found} == {tag: owner for tag, (_, _, owner) in self.model.owners.items()}
            if not found:
                return worker, None
            delivery = self.run_(self.layer.take_over(worker, found[0]))
            assert delivery is not None
            socket, order, _ = self.model.owners[delivery.tag]
            self.model.owners[delivery.tag] = (socket, order, worker)
            return worker, delivery

        @rule(holding=held, outputs=st.integers(0, 2), buries=st.booleans())
        def commit(self, holding: tuple[str, Delivery | None], outputs: int, buries: bool = False) -> None:
            """A worker commits what it once received or gives it up, owning it still or not."""
            worker, delivery = holding
            if delivery is None:
                return
            socket, order, owner = self.model.owners.get(delivery.tag, (None, 0, None))
            name = delivery.envelope.socket
            assert name is not None
            replies = [Reply(name, {"n": n, "order": order}) for n in range(outputs)]
            if buries:
                done = self.run_(self.layer.bury(worker, delivery, replies, reason="a story"))
            else:
                done = self.run_(self.layer.commit(worker, delivery, replies))
            assert done is (owner == worker)
            if socket is not None and done:
                del self.model.owners[delivery.tag]
                socket.acked = order
                self.model.buried += buries
                self.model.inbox.append((*replies, Ack(name, order, failed=buries)))

        # -- what holds in the end, and what always

        def check_the_end(self) -> None:
            assert len(self.run_(self.layer.dead_letters())) == self.model.buried
            states = {state.channel: (state.sent, state.acked) for state in self.run_(self.layer.sockets_of(self.home))}
            assert states == {socket.name: (socket.sent, socket.acked) for socket in self.model.sockets}

        def depth(self) -> int:
            return len(self.model.queued) + len(self.model.owners)

        @invariant()
        def as_in_the_model(self) -> None:
            assert self.run_(self.layer.depth(RECEIVE)) == self.depth()
            entries = self.run_(self.layer.read_inbox(self.home, 0, wait=0))
            assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
            assert [entry.events for entry in entries] == self.model.inbox

    return Stories


class ModelTests(LayerTests):
    """The random stories."""

    def test_random_stories(self, make_layer: MakeLayer) -> None:
        run_state_machine_as_test(
            machine_for(make_layer),
            settings=settings(
                max_examples=30,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow],
            ),
        )
