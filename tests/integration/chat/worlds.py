"""A room full of sockets, without processes or time, that can be told the same things in two ways.

A `World` is one interface on the layer in memory, with the real consumers, dispatcher and numbering of groups. What is
said in a *round* comes from different sockets at the same moment. One world handles the messages of a round together,
as a worker does that found them all on the channel; the other one after the other. What is in the database then, and
what each client knows, is put down in names that both share: a person is whoever sits there, not a hash.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings

from chat import moderation
from chat.models import Connection, Member, Message, Room
from switchboard.bridging import call
from switchboard.conf import get_settings
from switchboard.events import Envelope, GroupMessage, InboxEvent, Join, Leave, Reply
from switchboard.interface.groups import Groups
from switchboard.layers.base import Delivery
from switchboard.layers.named import get_layer
from switchboard.names import CONNECT, DISCONNECT, RECEIVE, new_interface, new_reply_channel, new_worker
from switchboard.routing import Router
from switchboard.testing.client import CallingThread
from switchboard.worker.committer import Committer
from switchboard.worker.dispatch import Dispatcher
from switchboard.worker.runner import Runner
from switchboard.worker.solitude import Solitude
from tests.integration.chat.conftest import visitor

#: A round: what each of some sockets sends, by their places.
Round = Sequence[tuple[int, Mapping[str, Any]]]

_worlds = itertools.count()


@dataclass(frozen=True)
class Seat:
    """A socket to be: ``browser`` is None for a program, which has no cookie."""

    room: str
    browser: str | None = None
    dialect: str = "v1"


@dataclass
class Seen:
    """What a client knows: in ``switchboard.v1`` put together from its frames, otherwise the frames."""

    messages: dict[int, Any] = field(default_factory=dict)
    answers: list[Any] = field(default_factory=list)
    #: Both are None before the first welcome: who has not said hello, as each client does first, is not kept informed.
    you: Any = None
    people: dict[str, Any] | None = None
    frames: list[Any] = field(default_factory=list)


class World:
    """``together``: the messages of a round are one batch. One world at a time: a new one has the layer for itself."""

    def __init__(self, seats: Sequence[Seat], *, together: bool) -> None:
        self.together = together
        self.seats = seats
        self.seen = [Seen() for _ in seats]
        self.channels: list[str | None] = [None] * len(seats)
        self.prefix = f"w{next(_worlds)}"
        self._layer = get_layer(get_settings().LAYER)
        self._interface = new_interface()
        self._groups = Groups(stirred=lambda: None)
        self._orders = [0] * len(seats)
        self._names: dict[str, str] = {}
        self._read = 0
        worker = new_worker()
        runner = Runner(self._layer, Router(settings.CHANNEL_ROUTING), CallingThread())
        self._dispatcher = Dispatcher(self._layer, runner, worker, Committer(self._layer, worker), Solitude())
        self._worker = worker
        call(self._layer, lambda layer: layer.flush())
        call(self._layer, lambda layer: layer.open_inbox(self._interface))

    # -- what happens

    def connect(self, places: Sequence[int]) -> None:
        for place in places:
            self.channels[place] = new_reply_channel(self._interface)
        self._round(CONNECT, [(place, self._handshake(self.seats[place])) for place in places])

    def say(self, frames: Round) -> None:
        self._round(RECEIVE, [(place, {"text": json.dumps(frame)}) for place, frame in frames])

    def disconnect(self, places: Sequence[int]) -> None:
        self._round(DISCONNECT, [(place, {"code": 1001}) for place in places])

    def moderate(self, act: Callable[[Room], object], room: str) -> None:
        """``act`` on a room, if it is there, from outside."""
        for found in Room.objects.filter(label=self._label(room)):
            act(found)
        self._hear()

    def _handshake(self, seat: Seat) -> dict[str, Any]:
        label = self._label(seat.room)
        # The names of browsers are those of this world too, or they would share what limits them.
        headers = [] if seat.browser is None else visitor(f"{self.prefix} {seat.browser}")
        return {
            "path": f"/ws/chat/{label}/" if seat.dialect == "tutorial" else f"/chat/{label}/",
            "headers": [list(header) for header in headers],
            "query_string": b"",
            "subprotocols": ["switchboard.v1"] if seat.dialect == "v1" else [],
            "client": ["127.0.0.1", 50000],
        }

    def _round(self, channel: str, contents: Round) -> None:
        if not contents:
            return
        messages = []
        for place, content in contents:
            name = self.channels[place]
            assert name is not None
            order = self._orders[place]
            self._orders[place] += 1
            path = self._handshake(self.seats[place])["path"]
            content = {"path": path, **content, "reply_channel": name, "order": order}
            messages.append(Envelope(channel, f"{name}/{order}", content, name, order))
        call(self._layer, lambda layer: layer.enqueue_many(messages))
        deliveries = call(
            self._layer, lambda layer: layer.take(self._worker, [channel], count=len(messages) + 1, wait=0)
        )
        assert len(deliveries) == len(messages)
        if self.together:
            self._handle_together(deliveries)
        else:
            for delivery in deliveries:
                async_to_sync(self._dispatcher.handle)(delivery)
        self._get_to_know()
        self._hear()

    def _get_to_know(self) -> None:
        for name, person in Connection.objects.values_list("reply_channel", "member__person"):
            if name in self.channels:
                place = self.channels.index(name)
                self._names[person] = self.seats[place].browser or f"socket {place}"

    def _handle_together(self, deliveries: Sequence[Delivery]) -> None:
        async_to_sync(self._dispatcher.handle_together)(deliveries, lambda: None)

    # -- what is heard

    def _hear(self) -> None:
        for entry in call(self._layer, lambda layer: layer.read_inbox(self._interface, self._read, wait=0)):
            self._read = entry.number
            for event in entry.events:
                self._take(event)

    def _take(self, event: InboxEvent) -> None:
        if isinstance(event, GroupMessage):
            for channels, answer in self._groups.message(event.group, event.content, event.seq, 0.0):
                for name in channels:
                    if answer.frame is not None:
                        assert answer.frame.text is not None
                        self._note(name, {"text": answer.frame.text})
                    if answer.close is not None:
                        self._note(name, {"close": answer.close})
        elif isinstance(event, Reply):
            self._note(event.channel, event.content)
        elif isinstance(event, Join):
            self._groups.join(event.group, event.channel, event.seq, 0.0)
        elif isinstance(event, Leave):
            self._groups.leave(event.group, event.channel, 0.0)

    def _note(self, name: str, content: Mapping[str, Any]) -> None:
        place = self.channels.index(name)
        if "text" not in content:
            self.seen[place].frames.append({key: content[key] for key in ("accept", "close") if key in content})
        elif self.seats[place].dialect == "v1":
            self._read_frame(self.seen[place], json.loads(content["text"]))
        else:
            frame = json.loads(content["text"])
            frame.pop("timestamp", None)
            if "handle" in frame:
                frame["handle"] = _handle(frame)
            self.seen[place].frames.append(frame)

    def _read_frame(self, seen: Seen, frame: dict[str, Any]) -> None:
        kind = frame["t"]
        if kind == "msg":
            seen.messages[frame["seq"]] = self._line(frame)
        elif kind == "welcome":
            if frame["reset"]:
                seen.messages = {seq: line for seq, line in seen.messages.items() if seq > frame["seq"]}
            seen.messages.update((line["seq"], self._line(line)) for line in frame["missed"])
            seen.people = {self._names[person["person"]]: _handle(person) for person in frame["people"]}
            seen.you = self._you(frame["you"])
            seen.answers.append(["welcome", frame["seq"], frame["reset"]])
        elif kind == "you" and seen.people is not None:
            seen.you = self._you(frame)
        elif kind == "person" and seen.people is not None:
            seen.people.pop(self._names[frame["person"]], None)
            if frame["here"]:
                seen.people[self._names[frame["person"]]] = _handle(frame)
        elif kind in ("ack", "nack"):
            seen.answers.append([kind, frame.get("cid"), frame.get("seq"), frame.get("code")])

    def _line(self, frame: Mapping[str, Any]) -> list[Any]:
        return [_handle(frame), frame.get("body"), self._names.get(frame.get("person", "")), "deleted" in frame]

    def _you(self, frame: Mapping[str, Any]) -> list[Any]:
        return [self._names[frame["person"]], _handle(frame), frame["keys"]]

    # -- what is stored

    def rows(self) -> Mapping[str, Any]:
        """The tables, as far as they are of this world's rooms."""
        rooms = Room.objects.filter(label__startswith=f"{self.prefix}-").order_by("label")
        messages = Message.objects.filter(room__in=rooms).order_by("room__label", "seq")
        members = Member.objects.filter(room__in=rooms).order_by("room__label", "pk")
        return {
            "rooms": [
                [room.label.partition("-")[2], room.last_seq, sorted(room.dialects.split()), room.locked]
                for room in rooms
            ],
            "messages": [
                [self._bare(m.room.label), m.seq, _made_up(m.handle), m.message, self._identity(m), m.deleted]
                for m in messages
            ],
            "members": sorted(
                [self._bare(m.room.label), self._names[m.person], _made_up(m.handle), m.here, m.keys, m.muted]
                for m in members
            ),
            "connections": sorted(
                [self.channels.index(seat.reply_channel), seat.member is not None and self._names[seat.member.person]]
                for seat in Connection.objects.filter(room__in=rooms).select_related("member")
            ),
        }

    def _identity(self, message: Message) -> list[Any]:
        kind, _, identity = message.identity.partition(":")
        if kind == "m":
            name, _, order = identity.partition("/")
            identity = f"{self.channels.index(name)}/{order}"
        return [kind, identity, self._names.get(message.person)]

    def _label(self, room: str) -> str:
        return f"{self.prefix}-{room}"

    def _bare(self, label: str) -> str:
        return label.partition("-")[2]


def lock(locked: bool) -> Callable[[Room], object]:
    return lambda room: moderation.set_locked(room, locked)


def mute_last(room: Room) -> None:
    """Whoever came last may not write."""
    person = Member.objects.filter(room=room).order_by("pk").values_list("person", flat=True).last()
    if person is not None:
        moderation.mute(room, person, True)


def bury_first(room: Room) -> None:
    moderation.delete_message(room, 1)


def _handle(frame: Mapping[str, Any]) -> str | None:
    return _made_up(frame.get("handle"))


#: Words that somebody chose; what the server makes up is another one each time.
CHOSEN = frozenset({"ada", "ADA", "bob", "eve", "anonymous"})


def _made_up(handle: str | None) -> str | None:
    return handle if not handle or handle.partition(" (")[0] in CHOSEN else "made up"
