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

from django.utils.translation import gettext as _

from chat.protocol import (
    ANONYMOUS,
    FRAME_LIMIT,
    HANDLE_LIMIT,
    MESSAGE_LIMIT,
    SEQ_LIMIT,
    About,
    Hello,
    Line,
    Person,
    Ping,
    Refusal,
    Rename,
    Request,
    Typing,
    Welcome,
    read_object,
    read_post,
)

V1_SUBPROTOCOL = "switchboard.v1"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Dialect:
    """How requests and answers look as text frames. An answer of ``None`` is one that this dialect does not have."""

    name: ClassVar[str]
    subprotocol: ClassVar[str | None] = None
    #: Whether its clients say hello; who speaks another one is here with the connect.
    greets: ClassVar[bool] = False
    #: What the interface answers by itself, at once and with no worker running; see ``docs/wire.md``.
    answers: ClassVar[Mapping[str, str]] = {}

    @property
    def frames(self) -> Mapping[str, str]:
        """Sent by the interface when it must speak for itself; see ``docs/wire.md``."""
        return {}

    def parse(self, text: str) -> Request | Refusal:
        """The request in a text frame. Never raises."""
        content = read_object(text)
        return content if isinstance(content, Refusal) else self.read(content)

    def read(self, content: Mapping[str, object]) -> Request | Refusal:
        raise NotImplementedError

    def line(self, line: Line) -> str | None:
        """The frame that brings a message to everybody in the room. Old dialects have no tombstones."""
        return None if line.deleted else self.said(line)

    def said(self, line: Line) -> str:
        raise NotImplementedError

    def ack(self, line: Line, cid: str | None) -> str | None:
        return None

    def nack(self, refusal: Refusal) -> str | None:
        return None

    def welcome(self, welcome: Welcome) -> str | None:
        return None

    def you(self, you: Person) -> str | None:
        """Who the person at the socket is now."""
        return None

    def person(self, person: Person, *, here: bool) -> str | None:
        """Somebody came, goes by another handle, or left."""
        return None

    def people(self, count: int) -> str | None:
        """How many there are, where they are too many to tell of each."""
        return None

    def typing(self, person: Person) -> str | None:
        return None

    def about(self, about: About) -> str | None:
        """Something about the room changed."""
        return None

    def deleted(self, seq: int) -> str | None:
        """A message is a tombstone now."""
        return None

    def muted(self, person: str, *, muted: bool) -> str | None:
        """Somebody may not write any more, or again. For those who hold the keys."""
        return None

    def pong(self) -> str | None:
        return None


class Classic(Dialect):
    name = "classic"

    def read(self, content: Mapping[str, object]) -> Request | Refusal:
        return read_post(content.get("handle"), content.get("message"))

    def said(self, line: Line) -> str:
        return _dump({"handle": line.handle, "message": line.body, "timestamp": short_time(line.at)})


class Tutorial(Dialect):
    name = "tutorial"

    def read(self, content: Mapping[str, object]) -> Request | Refusal:
        return read_post(ANONYMOUS, content.get("message"))

    def said(self, line: Line) -> str:
        return _dump({"message": line.body})


class Public(Dialect):
    name = "public"

    def read(self, content: Mapping[str, object]) -> Request | Refusal:
        return read_post(content.get("sender"), content.get("message"))

    def said(self, line: Line) -> str:
        return _dump({"sender": line.handle, "message": line.body})


class V1(Dialect):
    name = "v1"
    subprotocol = V1_SUBPROTOCOL
    greets = True

    @property
    def frames(self) -> Mapping[str, str]:
        lost = {"t": "nack", "code": "failed", "text": _("This could not be stored."), "retry": False}
        return {
            # No worker has room; the interface keeps what was sent and goes on trying. Nothing is to be sent again.
            "busy": _dump({"t": "busy"}),
            # Without a cid: it speaks of the oldest frame not answered yet; a socket's frames are handled one by one.
            "failed": _dump(lost),
            "resync": _dump({"t": "resync"}),
            "moving": _dump({"t": "moving"}),
        }

    def read(self, content: Mapping[str, object]) -> Request | Refusal:
        kind = content.get("t")
        if kind == "msg":
            if content.get("cid") is None:
                return Refusal("bad-cid", _("A message needs a “cid”: an id of your own, by which it is acknowledged."))
            return read_post(content.get("handle"), content.get("body"), content["cid"])
        if kind == "hello":
            return _hello(content.get("last"), content.get("handle"))
        if kind == "handle":
            return Rename(content.get("handle"))
        if kind == "typing":
            return Typing()
        if kind == "ping":
            return Ping()
        return Refusal("unknown", _("“t” must be one of “hello”, “msg”, “handle”, “typing”, “ping”."))

    def line(self, line: Line) -> str:
        return _dump({"t": "msg", **line_fields(line)})

    def ack(self, line: Line, cid: str | None) -> str | None:
        return _dump({"t": "ack", "cid": cid, "seq": line.seq, "at": iso_time(line.at)})

    def nack(self, refusal: Refusal) -> str | None:
        cid = {} if refusal.cid is None else {"cid": refusal.cid}
        wait = {} if refusal.wait is None else {"wait": refusal.whole_wait}
        frame = {"t": "nack", **cid, "code": refusal.code, "text": str(refusal.text), "retry": refusal.retry, **wait}
        return _dump(frame)

    def welcome(self, welcome: Welcome) -> str | None:
        limits = {"message": MESSAGE_LIMIT, "handle": HANDLE_LIMIT, "frame": FRAME_LIMIT, "burst": welcome.burst}
        return _dump(
            {
                "t": "welcome",
                "v": 1,
                "you": {**_person(welcome.you), "keys": welcome.you.keys},
                "people": [_person(person) for person in welcome.people],
                "count": welcome.count,
                "room": {**_about(welcome.about), "retention": welcome.about.retention},
                "seq": welcome.seq,
                "limits": limits,
                "reset": welcome.reset,
                "missed": [line_fields(line) for line in welcome.missed],
            }
        )

    def you(self, you: Person) -> str | None:
        return _dump({"t": "you", **_person(you), "keys": you.keys})

    def person(self, person: Person, *, here: bool) -> str | None:
        return _dump({"t": "person", **_person(person), "here": here})

    def people(self, count: int) -> str | None:
        return _dump({"t": "people", "count": count})

    def typing(self, person: Person) -> str | None:
        return _dump({"t": "typing", "person": person.person, "handle": person.handle})

    def about(self, about: About) -> str | None:
        return _dump({"t": "room", **_about(about)})

    def deleted(self, seq: int) -> str | None:
        return _dump({"t": "deleted", "seq": seq})

    def muted(self, person: str, *, muted: bool) -> str | None:
        return _dump({"t": "muted", "person": person, "muted": muted})

    def pong(self) -> str | None:
        return _dump({"t": "pong"})


#: `json.dumps` would make an encoder for each call.
_dump: Callable[[Mapping[str, object]], str] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


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


def line_fields(line: Line) -> dict[str, object]:
    """A message as JSON has it: on the wire and in the API."""
    if line.deleted:
        return {"seq": line.seq, "id": line.id, "at": iso_time(line.at), "deleted": True}
    optional = {"cid": line.cid, "user": line.user, "person": line.person}
    return {
        "seq": line.seq,
        "id": line.id,
        "handle": line.handle,
        "body": line.body,
        "at": iso_time(line.at),
        **{key: value for key, value in optional.items() if value is not None},
    }


def _person(person: Person) -> dict[str, object]:
    user = {} if person.user is None else {"user": person.user}
    return {"person": person.person, "handle": person.handle, **user}


def _about(about: About) -> dict[str, object]:
    return {"name": about.name, "topic": about.topic, "locked": about.locked}


def _hello(last: object, handle: object) -> Hello | Refusal:
    # A handle that is none is no reason to refuse somebody: they get another one.
    remembered = handle if isinstance(handle, str) else None
    if last is None or (isinstance(last, int) and not isinstance(last, bool) and 0 <= last <= SEQ_LIMIT):
        return Hello(last, remembered)
    return Refusal("bad-last", _("“last” must be the number of the last message you have, or missing."))
