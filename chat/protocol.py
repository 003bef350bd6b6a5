"""What travels between a browser and a room, whatever the dialect.

A frame from a client becomes a request (``Post``, ``Hello``, ``Rename``, ``Typing``, ``Ping``) or a ``Refusal`` that
says what is wrong with it; nothing a client sends raises. A stored message becomes a ``Line``. The dialects
(``chat.dialects``) only differ in how these look on the wire; the limits are the same in all of them.

Nothing here touches the database or a socket. Sentences for people are in the language that is active.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from chat import handles
from chat.handles import HANDLE_LIMIT

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

#: Code points, not bytes or UTF-16 units: what a person counts as characters, near enough.
MESSAGE_LIMIT = 2_000
#: Bytes of UTF-8. A message of 2,000 emoji written as JSON escapes has 24 KB.
FRAME_LIMIT = 32 * 1024
#: Characters of a client's own id for a message; a UUID has 36.
CLIENT_ID_LIMIT = 64
#: The largest integer that JavaScript, JSON libraries and a 64-bit column all hold exactly.
SEQ_LIMIT = 2**53 - 1

ANONYMOUS = "anonymous"


__all__ = [
    "ANONYMOUS", "CLIENT_ID_LIMIT", "FRAME_LIMIT", "HANDLE_LIMIT", "MESSAGE_LIMIT", "SEQ_LIMIT",
    "About", "Hello", "Line", "Person", "Ping", "Post", "Refusal", "Rename", "Request", "Typing", "Welcome",
    "body_fault", "is_blank", "is_unicode", "read_object", "read_post",
]  # fmt: skip


@dataclass(frozen=True)
class Post:
    """Somebody says something. ``cid`` is the client's id for it, by which a repetition is recognised."""

    #: As it was written, or "" for the one that the person has.
    handle: str
    body: str
    cid: str | None = None


@dataclass(frozen=True)
class Hello:
    """A client says which message it saw last; ``None`` is a client that has seen nothing yet."""

    last: int | None = None
    #: The handle that it remembers.
    handle: str | None = None


@dataclass(frozen=True)
class Rename:
    """Somebody wants this handle. It is not read yet: what is wrong with it is said by whoever gives it."""

    handle: object


@dataclass(frozen=True)
class Typing:
    pass


@dataclass(frozen=True)
class Ping:
    pass


@dataclass(frozen=True)
class Refusal:
    """Why a frame is not accepted: a code for programs, a sentence for people."""

    code: str
    #: Perhaps one that waits for the language of whoever is told.
    text: str | _StrPromise
    cid: str | None = None
    #: Whether sending the very same frame again may succeed.
    retry: bool = False
    #: Seconds after which it will, where that is known.
    wait: float | None = None

    @property
    def whole_wait(self) -> int:
        """The wait in whole seconds, rounded up; 0 where there is none."""
        return math.ceil(self.wait or 0)


Request = Post | Hello | Rename | Typing | Ping


@dataclass(frozen=True)
class Line:
    """A stored message, as every dialect can write it."""

    seq: int
    id: int
    handle: str
    body: str
    at: datetime
    cid: str | None = None
    user: str | None = None
    person: str | None = None
    #: A tombstone: nothing of it is left but the number.
    deleted: bool = False


@dataclass(frozen=True)
class Person:
    """Somebody in a room. Readers who never said anything have no handle."""

    person: str
    handle: str | None = None
    user: str | None = None
    #: Told to nobody but themselves.
    keys: bool = False


@dataclass(frozen=True)
class About:
    """What a room says of itself."""

    name: str
    topic: str = ""
    locked: bool = False
    #: Days that messages are kept; None for ever.
    retention: int | None = None


@dataclass(frozen=True)
class Welcome:
    """The answer to a hello."""

    seq: int
    missed: Sequence[Line]
    reset: bool
    you: Person
    people: Sequence[Person]
    #: People in all, named or not.
    count: int
    about: About
    #: Messages somebody may send at once; None where nothing limits them.
    burst: int | None = None


def read_object(text: str) -> Mapping[str, object] | Refusal:
    """The JSON object in ``text``."""
    if len(text) > FRAME_LIMIT or not is_unicode(text) or len(text.encode()) > FRAME_LIMIT:
        return Refusal("too-big", _("A frame may have at most %(limit)d bytes of UTF-8.") % {"limit": FRAME_LIMIT})
    try:
        # RecursionError: deep nesting. ValueError: also an integer of more digits than Python converts.
        content = json.loads(text)
    except (ValueError, RecursionError):
        return Refusal("not-json", _("The frame is not JSON."))
    if not isinstance(content, dict):
        return Refusal("not-an-object", _("The frame is not a JSON object."))
    return content


def read_post(handle: object, body: object, cid: object = None) -> Post | Refusal:
    """The post made of these three values of unknown type. Who has an id of their own may leave the handle out."""
    if cid is not None and not _is_client_id(cid):
        wanted = _("“cid” must be a text of 1 to %(limit)d visible ASCII characters.")
        return Refusal("bad-cid", wanted % {"limit": CLIENT_ID_LIMIT})
    own_id = cid if isinstance(cid, str) else None
    try:
        name = "" if handle is None and own_id else handles.read(handle)
    except handles.BadHandle as bad:
        return Refusal(bad.code, bad.text, cid=own_id)
    wrong = body_fault(body)
    if wrong is not None:
        return Refusal(wrong.code, wrong.text, cid=own_id)
    assert isinstance(body, str)
    return Post(name, body, own_id)


def body_fault(body: object) -> Refusal | None:
    """What is wrong with the text of a message, if anything."""
    if not isinstance(body, str):
        return Refusal("bad-message", _("The message must be a text."))
    # PostgreSQL stores no NUL in a text.
    if not is_unicode(body) or "\0" in body:
        return Refusal("bad-message", _("The message has characters that cannot be stored."))
    if is_blank(body):
        return Refusal("blank-message", _("The message is empty."))
    if len(body) > MESSAGE_LIMIT:
        return Refusal("long-message", _("A message may have at most %(limit)d characters.") % {"limit": MESSAGE_LIMIT})
    return None


def is_blank(text: str) -> bool:
    """Whether nothing of ``text`` can be seen: ``str.strip`` knows nothing of zero-width characters."""
    if text[:1].isalnum():
        return False
    return all(char.isspace() or unicodedata.category(char) in {"Zs", "Zl", "Zp", "Cc", "Cf"} for char in text)


def is_unicode(text: str) -> bool:
    """Whether ``text`` can be written as UTF-8: JSON may escape half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_client_id(value: object) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= CLIENT_ID_LIMIT and all("!" <= char <= "~" for char in value)
