"""What travels between a browser and a room, whatever the dialect.

A frame from a client becomes one of three requests (``Post``, ``Hello``, ``Ping``) or a ``Refusal`` that says what is
wrong with it; nothing a client sends raises. A stored message becomes a ``Line``. The dialects (``chat.dialects``) only
differ in how these look on the wire; the limits are the same in all of them.

Nothing here touches Django, the database or a socket.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

#: Code points, not bytes or UTF-16 units: what a person counts as characters, near enough.
MESSAGE_LIMIT = 2_000
HANDLE_LIMIT = 32
#: Bytes of UTF-8. A message of 2,000 emoji written as JSON escapes has 24 KB.
FRAME_LIMIT = 32 * 1024
#: Characters of a client's own id for a message; a UUID has 36.
CLIENT_ID_LIMIT = 64
#: The largest integer that JavaScript, JSON libraries and a 64-bit column all hold exactly.
SEQ_LIMIT = 2**53 - 1

ANONYMOUS = "anonymous"


@dataclass(frozen=True)
class Post:
    """Somebody says something. ``cid`` is the client's id for it, by which a repetition is recognised."""

    handle: str
    body: str
    cid: str | None = None


@dataclass(frozen=True)
class Hello:
    """A client says which message it saw last; ``None`` is a client that has seen nothing yet."""

    last: int | None = None


@dataclass(frozen=True)
class Ping:
    pass


@dataclass(frozen=True)
class Refusal:
    """Why a frame is not accepted: a code for programs, a sentence for people."""

    code: str
    text: str
    cid: str | None = None
    #: Whether sending the very same frame again may succeed.
    retry: bool = False


Request = Post | Hello | Ping


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


def read_object(text: str) -> Mapping[str, object] | Refusal:
    """The JSON object in ``text``."""
    if len(text) > FRAME_LIMIT or not is_unicode(text) or len(text.encode()) > FRAME_LIMIT:
        return Refusal("too-big", f"A frame may have at most {FRAME_LIMIT} bytes of UTF-8.")
    try:
        # RecursionError: deep nesting. ValueError: also an integer of more digits than Python converts.
        content = json.loads(text)
    except (ValueError, RecursionError):
        return Refusal("not-json", "The frame is not JSON.")
    if not isinstance(content, dict):
        return Refusal("not-an-object", "The frame is not a JSON object.")
    return content


def read_post(handle: object, body: object, cid: object = None) -> Post | Refusal:
    """The post made of these three values of unknown type."""
    if cid is not None and not _is_client_id(cid):
        return Refusal("bad-cid", f"“cid” must be a text of 1 to {CLIENT_ID_LIMIT} visible ASCII characters.")
    own_id = cid if isinstance(cid, str) else None
    wrong = handle_fault(handle) or body_fault(body)
    if wrong is not None:
        return Refusal(wrong.code, wrong.text, cid=own_id)
    assert isinstance(handle, str) and isinstance(body, str)
    return Post(handle.strip(), body, own_id)


def handle_fault(handle: object) -> Refusal | None:
    """What is wrong with ``handle``, if anything. Surrounding space is not counted: it is not kept."""
    if not isinstance(handle, str):
        return Refusal("bad-handle", "The handle must be a text.")
    if not is_unicode(handle) or _has_controls(handle.strip()):
        return Refusal("bad-handle", "The handle has characters that nobody can see or type.")
    if is_blank(handle):
        return Refusal("blank-handle", "Pick a handle first.")
    if len(handle.strip()) > HANDLE_LIMIT:
        return Refusal("long-handle", f"A handle may have at most {HANDLE_LIMIT} characters.")
    return None


def _has_controls(text: str) -> bool:
    # The quick question first: what is printable throughout has none.
    return not text.isprintable() and any(unicodedata.category(char) == "Cc" for char in text)


def body_fault(body: object) -> Refusal | None:
    """What is wrong with the text of a message, if anything."""
    if not isinstance(body, str):
        return Refusal("bad-message", "The message must be a text.")
    # PostgreSQL stores no NUL in a text.
    if not is_unicode(body) or "\0" in body:
        return Refusal("bad-message", "The message has characters that cannot be stored.")
    if is_blank(body):
        return Refusal("blank-message", "The message is empty.")
    if len(body) > MESSAGE_LIMIT:
        return Refusal("long-message", f"A message may have at most {MESSAGE_LIMIT} characters.")
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
