"""Everything that a dialect may have a frame for, each once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from chat.dialects import Dialect
from chat.protocol import About, Line, Person, Refusal, Welcome

_LINE = Line(seq=1, id=1, handle="ada", body="hello", at=datetime(2026, 2, 20, 19, 48, tzinfo=UTC), cid="c", person="p")
_ADA = Person("p", "ada")
_ABOUT = About("tea")


def said_in(dialect: Dialect) -> Mapping[str, str | None]:
    """The frames, by the names of the methods that make them and what is special about them."""
    return {
        "line": dialect.line(_LINE),
        "line: a tombstone": dialect.line(replace(_LINE, deleted=True)),
        "ack": dialect.ack(_LINE, "c"),
        "nack": dialect.nack(Refusal("unknown", "…", "c")),
        "nack: for now": dialect.nack(Refusal("unknown", "…", "c", retry=True, wait=1.0)),
        "welcome": dialect.welcome(Welcome(1, [_LINE], False, _ADA, [_ADA], 1, _ABOUT)),
        "you": dialect.you(_ADA),
        "person": dialect.person(_ADA, here=True),
        "people": dialect.people(1),
        "typing": dialect.typing(_ADA),
        "about": dialect.about(_ABOUT),
        "deleted": dialect.deleted(1),
        "muted": dialect.muted("p", muted=True),
        "pong": dialect.pong(),
    }
