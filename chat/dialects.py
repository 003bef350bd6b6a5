"""The four dialects that a socket may speak, and how one is chosen.

Three of them are those of published clients, which speak them unmodified: the 2016 example and its articles
(``classic``), the Channels tutorial (``tutorial``) and a room for everybody without a name in the path (``public``).
They know chat messages only, so there is nothing that could tell them of an error: what they do wrong is not answered.
``switchboard.v1`` numbers, acknowledges and repairs; ``docs/wire.md`` describes it.

A dialect is stateless. The connection remembers its name in the channel session.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import ClassVar

from chat.protocol import (
    ANONYMOUS,
    FRAME_LIMIT,
    HANDLE_LIMIT,
    MESSAGE_LIMIT,
    SEQ_LIMIT,
    Hello,
    Line,
    Ping,
    Refusal,
    Request,
    read_object,
    read_post,
)

V1_SUBPROTOCOL = "switchboard.v1"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Dialect:
    """How requests and answers look as text frames. An answer of ``None`` is one that this dialect does not have."""

    name: ClassVar[str]
    subprotocol: ClassVar[str | None] = None
    #: Sent by the interface when it must speak for itself; see ``docs/wire.md``.
    frames: ClassVar[Mapping[str, str]] = {}
    #: What the interface answers by itself, at once and with no worker running; see ``docs/wire.md``.
    answers: ClassVar[Mapping[str, str]] = {}

    def parse(self, text: str) -> Request | Refusal:
        """The request in a text frame. Never raises."""
        content = read_object(text)
        return content if isinstance(content, Refusal) else self.read(content)

    def read(self, content: Mapping[str, object]) -> Request | Refusal:
        raise NotImplementedError

    def line(self, line: Line) -> str:
        """The frame that brings a message to everybody in the room."""
        raise NotImplementedError

    def ack(self, line: Line, cid: str | None) -> str | None:
        return None

    def nack(self, refusal: Refusal) -> str | None:
        return None

    def welcome(self, seq: int, missed: Sequence[Line], *, reset: bool, user: str | None) -> str | None:
        return None

    def pong(self) -> str | None:
        return None


class Classic(Dialect):
    name = "classic"

    def read(self, content: Mapping[str, object]) -> Request | Refusal:
        return read_post(content.get("handle"), content.get("message"))

    def line(self, line: Line) -> str:
        return _dump({"handle": line.handle, "message": line.body, "timestamp": short_time(line.at)})


class Tutorial(Dialect):
    name = "tutorial"

    def read(self, content: Mapping[str, object]) -> Request | Refusal:
        return read_post(ANONYMOUS, content.get("message"))

    def line(self, line: Line) -> str:
        return _dump({"message": line.body})


class Public(Dialect):
    name = "public"

    def read(self, content: Mapping[str, object]) -> Request | Refusal:
        return read_post(content.get("sender"), content.get("message"))

    def line(self, line: Line) -> str:
        return _dump({"sender": line.handle, "message": line.body})


class V1(Dialect):
    name = "v1"
    subprotocol = V1_SUBPROTOCOL

    def read(self, content: Mapping[str, object]) -> Request | Refusal:
        kind = content.get("t")
        if kind == "msg":
            if content.get("cid") is None:
                return Refusal("bad-cid", "A message needs a “cid”: an id of your own, by which it is acknowledged.")
            return read_post(content.get("handle"), content.get("body"), content["cid"])
        if kind == "hello":
            return _hello(content.get("last"))
        if kind == "ping":
            return Ping()
        return Refusal("unknown", "“t” must be one of “hello”, “msg”, “ping”.")

    def line(self, line: Line) -> str:
        return _dump({"t": "msg", **_fields(line)})

    def ack(self, line: Line, cid: str | None) -> str | None:
        return _dump({"t": "ack", "cid": cid, "seq": line.seq, "at": iso_time(line.at)})

    def nack(self, refusal: Refusal) -> str | None:
        cid = {} if refusal.cid is None else {"cid": refusal.cid}
        return _dump({"t": "nack", **cid, "code": refusal.code, "text": refusal.text, "retry": refusal.retry})

    def welcome(self, seq: int, missed: Sequence[Line], *, reset: bool, user: str | None) -> str | None:
        you = {} if user is None else {"you": {"user": user}}
        limits = {"message": MESSAGE_LIMIT, "handle": HANDLE_LIMIT, "frame": FRAME_LIMIT}
        lines = [_fields(line) for line in missed]
        return _dump({"t": "welcome", "v": 1, **you, "seq": seq, "limits": limits, "reset": reset, "missed": lines})

    def pong(self) -> str | None:
        return _dump({"t": "pong"})


#: `json.dumps` would make an encoder for each call.
_dump: Callable[[Mapping[str, object]], str] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


V1.frames = {
    # No worker has room; the interface keeps what was sent and goes on trying. Nothing is to be sent again.
    "busy": _dump({"t": "busy"}),
    # Without a cid: it speaks of the oldest frame not answered yet, for a socket's frames are handled one by one.
    "failed": _dump({"t": "nack", "code": "failed", "text": "This could not be stored.", "retry": False}),
    "resync": _dump({"t": "resync"}),
    "moving": _dump({"t": "moving"}),
}

#: As ``static/chat/socket.js`` sends it. Whoever spells it otherwise is answered by a worker.
V1.answers = {_dump({"t": "ping"}): _dump({"t": "pong"})}

DIALECTS: Mapping[str, Dialect] = {dialect.name: dialect for dialect in (Classic(), Tutorial(), Public(), V1())}


def of_page(subprotocols: Sequence[str]) -> Dialect:
    """The dialect of a socket at a room page's own path."""
    return DIALECTS["v1" if V1_SUBPROTOCOL in subprotocols else "classic"]


def short_time(at: datetime) -> str:
    """``Feb 20 7:48 PM``, in UTC. Not by ``strftime``: ``%-d`` is not portable, ``%b`` speaks the process' language."""
    at = at.astimezone(UTC)
    return f"{MONTHS[at.month - 1]} {at.day} {at.hour % 12 or 12}:{at.minute:02} {'AM' if at.hour < 12 else 'PM'}"


def iso_time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fields(line: Line) -> dict[str, object]:
    fields: dict[str, object] = {
        "seq": line.seq,
        "id": line.id,
        "handle": line.handle,
        "body": line.body,
        "at": iso_time(line.at),
    }
    if line.cid is not None:
        fields["cid"] = line.cid
    if line.user is not None:
        fields["user"] = line.user
    return fields


def _hello(last: object) -> Hello | Refusal:
    if last is None:
        return Hello()
    if isinstance(last, int) and not isinstance(last, bool) and 0 <= last <= SEQ_LIMIT:
        return Hello(last)
    return Refusal("bad-last", "“last” must be the number of the last message you have, or missing.")
