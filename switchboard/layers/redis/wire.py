"""How contents become words of Redis commands, and how entries become contents again.

Each event and each envelope is serialized for itself, once, however many interfaces it reaches: scripts move the
pieces about without looking into them.

During a deploy an older and a newer version write to the same streams. So readers here give what is missing at the
end of a list its default, ignore what follows the elements that they know, ignore fields that they don't know, and
skip events of an unknown kind. ``docs/wire.md`` says what a later version may add.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias, cast

import msgpack

from switchboard.events import (
    Content,
    Envelope,
    GroupMessage,
    InboxEntry,
    InboxEvent,
    Join,
    Output,
    Tip,
    UnknownEventKind,
    event_from_wire,
    event_to_wire,
)
from switchboard.layers.base import DeadLetter
from switchboard.layers.serialization import Serializer
from switchboard.names import interface_of

logger = logging.getLogger(__name__)

Word: TypeAlias = str | bytes | int
#: Elements of an envelope on the wire that this version knows: the fields of `Envelope` after its channel.
_ENVELOPE_ELEMENTS: Final = 5
#: An entry of a stream as Redis answers it: its id, and its field names and values in turn.
Row: TypeAlias = tuple[bytes, Sequence[bytes]]


class Wire:
    """Both directions, with one serializer."""

    def __init__(self, serializer: Serializer) -> None:
        self._serializer = serializer
        self._unknown_kinds: set[str] = set()

    # -- out

    def envelope(self, envelope: Envelope) -> bytes:
        """The envelope without its channel, which its stream knows.

        The session of a socket's own message is not in it: the script that queues it copies it from the record.
        """
        session = envelope.session if envelope.order is None else None
        return self._serializer.dumps([envelope.id, envelope.content, envelope.socket, envelope.order, session])

    def dead_letter(self, envelope: Envelope) -> bytes:
        """The envelope as it is sent again: a message of no socket, with the session that it had."""
        return self.envelope(replace(envelope, socket=None, order=None))

    def forward(self, place: int, most: int, words: Sequence[Word]) -> tuple[Word, ...]:
        """The four words by which scripts take outputs for another host."""
        return ("f", place, most, pack(words))

    def event(self, event: InboxEvent) -> bytes:
        """One event for an inbox."""
        return self._serializer.dumps(event_to_wire(event))

    def session(self, session: Content) -> bytes:
        """A channel session; never empty."""
        return self._serializer.dumps(session)

    def output(self, output: Output, bounds: str = "") -> tuple[Word, ...]:
        """The four words by which scripts take an output, an envelope with the ``bounds`` of its channel; see
        ``lua/outputs.lua``."""
        match output:
            case Envelope(channel=channel):
                return ("e", channel, bounds, self.envelope(output))
            case GroupMessage(group=group) | Tip(group=group):
                return ("g", group, "", self.event(output))
            case Join(channel=channel, group=group):
                return ("j", interface_of(channel), group, self.event(output))
            case _:
                return ("i", interface_of(output.channel), "", self.event(output))

    # -- in

    def read_envelope(self, channel: str, fields: Sequence[bytes]) -> Envelope:
        """The envelope of an entry of a channel's stream.

        Raises:
            Exception: of any kind, by what the bytes are; they are damaged, or were encrypted with other keys.
        """
        named = named_fields(fields)
        envelope = Envelope(channel, *self._serializer.loads(named[b"e"])[:_ENVELOPE_ELEMENTS])
        if b"s" in named:
            envelope = replace(envelope, session=self._serializer.loads(named[b"s"]))
        return envelope

    def read_session(self, session: bytes) -> Content | None:
        """The session that `session` made, or None where a script answers that there is none."""
        return cast(Content, self._serializer.loads(session)) if session else None

    def read_dead_letter(self, row: Row) -> DeadLetter:
        """A dead letter. Where its message can't be read any more, its content is empty and the reason says so."""
        tag, fields = row
        named = named_fields(fields)
        channel, reason = named[b"c"].decode(), named.get(b"r", b"").decode()
        try:
            envelope = self.read_envelope(channel, fields)
        except Exception:
            envelope, reason = Envelope(channel, "", {}), f"{reason}; it can't be read"
        if named.get(b"k") and named.get(b"o"):
            envelope = replace(envelope, socket=named[b"k"].decode(), order=int(named[b"o"]))
        milliseconds = int(tag.partition(b"-")[0])
        return DeadLetter(tag.decode(), envelope, reason, milliseconds / 1000)

    def read_inbox_entry(self, row: Row) -> InboxEntry:
        """An entry of an inbox. Events that can't be read are left out and logged: the others are worth having."""
        tag, fields = row
        named = named_fields(fields)
        number = int(tag.partition(b"-")[0])
        events = [self._read_event(payload) for payload in _payloads(number, named)]
        known = tuple(event for event in events if event is not None)
        socket, order = _guard(named)
        return InboxEntry(number, known, socket, order, size=len(named.get(b"p", b"")))

    def read_size(self, fields: Sequence[bytes]) -> int:
        """What an entry of a channel's stream counts for, as it says; 0 where an older version wrote it."""
        return int(named_fields(fields).get(b"b", 0))

    def read_guard(self, fields: Sequence[bytes]) -> tuple[str, int] | tuple[None, None]:
        """The socket and the order that stand in an entry of either kind; readable whatever else is in it."""
        return _guard(named_fields(fields))

    def _read_event(self, payload: bytes) -> InboxEvent | None:
        try:
            return event_from_wire(self._serializer.loads(payload))
        except UnknownEventKind as unknown:
            if unknown.kind not in self._unknown_kinds:  # a newer version may send thousands of them
                self._unknown_kinds.add(unknown.kind)
                logger.warning("inbox: event of the unknown kind %r skipped; it is of a newer version", unknown.kind)
            return None
        except Exception:
            logger.exception("an event of %s bytes in the inbox can't be read; left out", len(payload))
            return None


def _guard(named: Mapping[bytes, bytes]) -> tuple[str, int] | tuple[None, None]:
    return (named[b"k"].decode(), int(named[b"o"])) if b"k" in named else (None, None)


def _payloads(number: int, named: Mapping[bytes, bytes]) -> Sequence[bytes]:
    """The events of an inbox entry. Without any that can be found the entry is empty: an entry that is left out would
    be a hole in the numbers."""
    try:
        payloads = msgpack.unpackb(named[b"p"], raw=True)  # packed by Lua, whose strings are bytes
        return payloads if isinstance(payloads, list) else []
    except Exception:
        logger.exception("inbox: entry %d can't be read; it counts as empty", number)
        return []


def pack(words: Sequence[Any]) -> bytes:
    """Lists of words for a script."""
    # Lua's reader is older than the type for bytes.
    return cast(bytes, msgpack.packb(words, use_bin_type=False))


def named_fields(fields: Sequence[bytes]) -> dict[bytes, bytes]:
    """The fields of an entry by their names."""
    return dict(zip(fields[::2], fields[1::2], strict=True))
