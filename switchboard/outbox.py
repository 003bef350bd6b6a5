"""What a consumer sends is collected, and leaves when it has returned.

While a consumer runs, its context has an `Outbox`; everything sent is appended to it, and the worker hands it to
`Layer.commit`, so that all of it leaves in one step with the acknowledgement. A consumer that raises leaves
nothing behind. Outside a consumer (a view, a callback of ``on_commit`` in one, a signal, a shell) there is no outbox
and a send goes at once.

Tasks that a consumer starts, and threads that copy its context, share its outbox. The worker closes the outbox when the
consumer returns, raises or runs out of time. From then on a send raises `OutboxClosed`: it could no longer leave with
the acknowledgement, and collecting it would lose it without a word. A send with ``immediately=True`` never uses the
outbox.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from threading import Lock
from typing import TypeGuard

from switchboard.bridging import call
from switchboard.events import Content, Envelope, Output
from switchboard.exceptions import ChannelFull, OutboxClosed
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
        self._closed = False
        # A thread may send while the worker closes the outbox: what is added must be committed, the rest must raise.
        self._lock = Lock()

    def add(self, output: Output) -> None:
        """Append ``output``.

        Raises:
            OutboxClosed: the consumer is no longer running.
        """
        with self._lock:
            if self._closed:
                raise OutboxClosed
            self._append(self.with_session(output))

    def close(self) -> None:
        """Refuse every later output."""
        with self._lock:
            self._closed = True

    def with_session(self, output: Output) -> Output:
        """Return ``output``; a message that speaks for the same socket takes the socket's session along."""
        return replace(output, session=self.session) if self._speaks_for_socket(output) else output

    def _append(self, output: Output) -> None:
        self.outputs.append(output)

    def _speaks_for_socket(self, output: Output) -> TypeGuard[Envelope]:
        if not isinstance(output, Envelope) or self._reply_channel is None:
            return False
        return bool(output.content.get("reply_channel") == self._reply_channel)


class NoOutbox(Outbox):
    """For a batch, where it has to be said for which message something is sent."""

    def _append(self, output: Output) -> None:
        raise RuntimeError("in a batch, send inside `with message.sending():`, or nothing is known to send it with")


@contextmanager
def collecting(outbox: Outbox | None) -> Iterator[None]:
    """Within the block sends are appended to ``outbox``; None: they go at once."""
    before = _current.set(outbox)
    try:
        yield
    finally:
        _current.reset(before)


@contextmanager
def collecting_until_closed(outbox: Outbox, *of_messages: Outbox | None) -> Iterator[None]:
    """Collect like `collecting`, and at the end of the block close ``outbox`` and those of a batch's messages."""
    try:
        with collecting(outbox):
            yield
    finally:
        for each in (outbox, *of_messages):
            if each is not None:
                each.close()


def send(layer: Layer | PlainLayer, output: Output, immediately: bool = False) -> None:
    """Send ``output``: into the running consumer's outbox, or at once.

    Raises:
        ChannelFull: the output is for a named channel that is at its capacity. Raised here, never at the commit.
        ContentError: the content cannot go over the wire. Inside a consumer it is the commit that raises it.
        OutboxClosed: the consumer in whose context this runs has returned, and ``immediately`` is not set.
    """
    outbox = _outbox_of(layer)
    if outbox is None or immediately:
        output = output if outbox is None else outbox.with_session(output)
        call(layer, lambda layer: layer.publish([output]))
        layer.tips.note([output])
        return
    if isinstance(output, Envelope) and not call(outbox.layer, lambda layer: layer.has_room(output.channel)):
        raise ChannelFull(output.channel)
    outbox.add(output)


async def asend(layer: Layer | PlainLayer, output: Output, immediately: bool = False) -> None:
    """`send` for ``async def``."""
    outbox = _outbox_of(layer)
    if outbox is None or immediately:
        output = output if outbox is None else outbox.with_session(output)
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
