"""What a consumer sends is collected, and leaves when it has returned.

While a consumer runs, its context has an `Outbox`; everything sent is appended to it, and the worker hands it to
`Layer.commit`, so that all of it leaves in one step with the acknowledgement. A consumer that raises leaves
nothing behind. Outside a consumer (a view, a callback of ``on_commit`` in one, a signal, a shell) there is no outbox
and a send goes at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import TypeGuard

from switchboard.bridging import call
from switchboard.events import Content, Envelope, Output
from switchboard.exceptions import ChannelFull
from switchboard.layers.base import Layer
from switchboard.layers.plain import PlainLayer

_current: ContextVar[Outbox | None] = ContextVar("switchboard_outbox", default=None)


class Outbox:
    """The outputs of one run of a consumer, in order. ``session`` goes with messages that it sends on."""

    def __init__(self, layer: Layer, reply_channel: str | None = None, session: Content | None = None) -> None:
        self.layer = layer
        self.outputs: list[Output] = []
        self._reply_channel = reply_channel
        self.session = session

    def add(self, output: Output) -> None:
        """Append ``output``; a message that speaks for the same socket takes the socket's session along."""
        self.outputs.append(replace(output, session=self.session) if self._speaks_for_socket(output) else output)

    def _speaks_for_socket(self, output: Output) -> TypeGuard[Envelope]:
        if not isinstance(output, Envelope) or self._reply_channel is None:
            return False
        return bool(output.content.get("reply_channel") == self._reply_channel)


class NoOutbox(Outbox):
    """For a batch, where it has to be said for which message something is sent."""

    def add(self, output: Output) -> None:
        """Raises RuntimeError."""
        raise RuntimeError("in a batch, send inside `with message.sending():`, or nothing is known to send it with")


@contextmanager
def collecting(outbox: Outbox | None) -> Iterator[None]:
    """Within the block sends are appended to ``outbox``; None: they go at once."""
    before = _current.set(outbox)
    try:
        yield
    finally:
        _current.reset(before)


def send(layer: Layer | PlainLayer, output: Output) -> None:
    """Send ``output``: into the running consumer's outbox, or at once.

    Raises:
        ChannelFull: the output is for a named channel that is at its capacity. Raised here, never at the commit.
        ContentError: the content cannot go over the wire. Inside a consumer it is the commit that raises it.
    """
    outbox = _outbox_of(layer)
    if outbox is None:
        call(layer, lambda layer: layer.publish([output]))
        layer.tips.note([output])
        return
    if isinstance(output, Envelope) and not call(outbox.layer, lambda layer: layer.has_room(output.channel)):
        raise ChannelFull(output.channel)
    outbox.add(output)


async def asend(layer: Layer | PlainLayer, output: Output) -> None:
    """`send` for ``async def``."""
    outbox = _outbox_of(layer)
    if outbox is None:
        await layer.publish([output])
        layer.tips.note([output])
        return
    if isinstance(output, Envelope) and not await outbox.layer.has_room(output.channel):
        raise ChannelFull(output.channel)
    outbox.add(output)


def _outbox_of(layer: Layer | PlainLayer) -> Outbox | None:
    # What goes to another layer can't leave with this one's commit.
    outbox = _current.get()
    return outbox if outbox is not None and outbox.layer is layer else None
