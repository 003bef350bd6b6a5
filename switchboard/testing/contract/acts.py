"""What happens again and again in the suite's stories, under short names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeAlias

import pytest

from switchboard.events import Ack, Envelope, InboxEntry, InboxEvent, Join, Output
from switchboard.layers.base import Delivery, Enqueued, Layer, Pending
from switchboard.names import CONNECT, RECEIVE, new_interface, new_reply_channel, token

#: Makes a layer from keys of ``CONFIG``.
MakeLayer: TypeAlias = Callable[..., Layer]

#: A named channel that no socket writes to.
LOG = "chat.log"
ANNE = "worker.anne"
BERT = "worker.bert"

#: Seconds. Longer than anything takes that is expected to come.
PATIENCE = 20.0


class LayerTests:
    """The fixtures. Each test has a fresh layer."""

    @pytest.fixture
    def make_layer(self) -> MakeLayer:
        """How to make a layer; the one thing a subclass has to say."""
        raise NotImplementedError

    @pytest.fixture
    async def layer(self, make_layer: MakeLayer) -> AsyncIterator[Layer]:
        """A layer with the default settings."""
        layer = make_layer()
        yield layer
        await layer.flush()
        await layer.close()

    @pytest.fixture
    async def small(self, make_layer: MakeLayer) -> AsyncIterator[Layer]:
        """A layer of which each channel takes two messages."""
        layer = make_layer(capacity=2, channel_capacity={"http.*": 1})
        yield layer
        await layer.flush()
        await layer.close()


def note(number: int = 0, channel: str = LOG) -> Envelope:
    """A message of no socket."""
    return Envelope(channel, token(), {"number": number})


def frame(socket: str, order: int, channel: str = RECEIVE) -> Envelope:
    """A message of a socket."""
    return Envelope(channel, token(), {"text": f"frame {order}", "order": order}, socket, order)


async def new_home(layer: Layer) -> str:
    """A new interface, open."""
    interface = new_interface()
    await layer.open_inbox(interface)
    return interface


async def new_socket(layer: Layer, interface: str) -> str:
    """A socket whose connect has been handled."""
    socket = new_reply_channel(interface)
    await handle(layer, frame(socket, 0, CONNECT))
    return socket


async def outcome(layer: Layer, envelope: Envelope) -> Enqueued:
    """What becomes of a socket's message."""
    return (await layer.enqueue(envelope)).outcome


async def handle(layer: Layer, envelope: Envelope, *outputs: Output) -> None:
    """Queue a socket's message, receive it and commit it."""
    assert await outcome(layer, envelope) is Enqueued.QUEUED
    delivery = await take(layer, envelope.channel)
    assert await layer.commit(ANNE, delivery, outputs)


async def take(layer: Layer, channel: str = LOG, worker: str = ANNE) -> Delivery:
    """The next message of a channel, which has to be there."""
    deliveries = await layer.take(worker, [channel], count=1, wait=PATIENCE)
    assert len(deliveries) == 1
    return deliveries[0]


async def nothing_on(layer: Layer, channel: str = LOG, worker: str = BERT) -> bool:
    """Whether a worker that asks now gets nothing."""
    return not await layer.take(worker, [channel], count=10, wait=0)


async def inbox(layer: Layer, interface: str, after: int = 0) -> Sequence[InboxEntry]:
    """What is in an inbox now."""
    return await layer.read_inbox(interface, after, wait=0)


async def pending_one(layer: Layer, channel: str = LOG) -> Pending:
    """The one pending message of a channel."""
    (found,) = await layer.pending([channel], idle=0)
    return found


async def events(layer: Layer, interface: str, after: int = 0) -> list[InboxEvent]:
    """All events in an inbox, without their entries and without acks."""
    found = [event for entry in await inbox(layer, interface, after) for event in entry.events]
    return [event for event in found if not isinstance(event, Ack)]


async def join(layer: Layer, interface: str, group: str) -> str:
    """A socket of the interface that becomes a member; its name."""
    socket = new_reply_channel(interface)
    await layer.publish([Join(socket, group)])
    return socket
