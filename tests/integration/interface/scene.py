"""An interface without Daphne, on a memory layer that fails when told to; the test is the client and the worker."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Sequence
from typing import Any

from switchboard.events import Envelope, InboxEntry, Join, Output, Reply
from switchboard.exceptions import LayerUnavailable
from switchboard.interface import Interface
from switchboard.interface.frames import Frame
from switchboard.interface.wire import EXTENSION, Listener
from switchboard.layers.base import Beat, Delivery, Receipt
from switchboard.layers.memory import MemoryLayer
from switchboard.layers.memory.state import Inbox
from switchboard.names import CONNECT, DISCONNECT, HTTP_REQUEST, RECEIVE
from switchboard.testing.waiting import await_until

ALL = [CONNECT, RECEIVE, DISCONNECT, HTTP_REQUEST]


class Faulty(MemoryLayer):
    """Away when told to be; then nothing happens. ``halfway``: it happens, and the caller does not learn of it."""

    away = False
    deaf = False
    halfway = False
    enqueues = 0

    async def snapshot(self) -> dict[str, Any]:
        """What a server would have on its disk."""
        kept = ("channels", "records", "interfaces", "groups")
        return {name: copy.deepcopy(getattr(self._state, name)) for name in kept} | {
            "last": {name: inbox.last for name, inbox in self._state.inboxes.items()}
        }

    async def go_back_to(self, snapshot: dict[str, Any]) -> None:
        """Start again from a `snapshot`."""
        last = snapshot.pop("last")
        await self.flush()
        for name, value in snapshot.items():
            setattr(self._state, name, value)
        for name, number in last.items():
            self._state.inboxes[name] = Inbox()
            self._state.inboxes[name].last = number

    def _fail(self) -> None:
        if self.away:
            raise LayerUnavailable("away")

    async def enqueue_many(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        self._fail()
        self.enqueues += 1
        result = await super().enqueue_many(envelopes)
        if self.halfway:
            self.halfway = False
            raise LayerUnavailable("halfway")
        return result

    async def read_inbox(self, interface: str, after: int, *, wait: float, **options: Any) -> Sequence[InboxEntry]:
        self._fail()
        if self.deaf:
            raise LayerUnavailable("deaf")
        return await super().read_inbox(interface, after, wait=min(wait, 0.05), **options)

    async def beat(self, interface: str, read: int) -> Beat:
        self._fail()
        return await super().beat(interface, read)

    async def open_inbox(self, interface: str) -> Beat:
        self._fail()
        return await super().open_inbox(interface)

    async def request(self, envelope: Envelope, *, timeout: float) -> bool:
        self._fail()
        return await super().request(envelope, timeout=timeout)


class Scene:
    """An interface, its layer, and a worker's hands."""

    def __init__(self) -> None:
        self.layer = Faulty()
        self.interface = Interface(self.layer, logging=False)
        self.clients: list[Client] = []

    async def take(self) -> Delivery:
        """The next message of any channel."""

        async def next_one() -> list[Delivery]:
            return list(await self.layer.take("w", ALL, count=1, wait=0.05))

        return (await await_until(next_one, "a message"))[0]

    async def handle(self, *outputs: Output, channel: str | None = None) -> Delivery:
        """Take one message and commit it with ``outputs``, whose reply channels may be left empty."""
        delivery = await self.take()
        assert channel in (None, delivery.channel)
        assert await self.layer.commit("w", delivery, outputs)
        return delivery

    async def client(self, **answer: Any) -> Client:
        """An open socket."""
        client = Client(self.interface)
        self.clients.append(client)
        connect = await self.take()
        client.channel = connect.envelope.socket or ""
        outputs: list[Output] = [Join(client.channel, "all"), Reply(client.channel, {"accept": True, **answer})]
        assert await self.layer.commit("w", connect, outputs)
        assert (await client.said())["type"] == "websocket.accept"
        return client


class Client:
    """A socket at the `DirectWire`, as our server speaks there; what is said is kept as ASGI would say it."""

    def __init__(self, interface: Interface) -> None:
        self.channel = ""
        self._in: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._out: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        scope = {"type": "websocket", "path": "/x", "headers": [], "extensions": {EXTENSION: self}}
        self._in.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(interface(scope, self._in.get, self._out.put))

    # -- the wire

    def hear(self, listener: Listener) -> None:
        self._listener = listener

    def accept(self, subprotocol: str | None) -> None:
        self._out.put_nowait({"type": "websocket.accept", "subprotocol": subprotocol})

    def deny(self) -> None:
        self._out.put_nowait({"type": "websocket.close"})

    def frame(self, frame: Frame) -> None:
        self._out.put_nowait({"type": "websocket.send", "text": frame.text})

    def close(self, code: int) -> None:
        self._out.put_nowait({"type": "websocket.close", "code": code})

    def read(self, on: bool) -> None:
        self._out.put_nowait({"type": "read", "on": on})

    # -- the client

    def send(self, text: str) -> None:
        self._listener.frame(text)

    def leave(self, code: int = 1000) -> None:
        self._listener.lost(code)

    async def said(self) -> dict[str, Any]:
        """What the interface said next."""
        async with asyncio.timeout(20):
            return await self._out.get()

    def silent(self) -> bool:
        return self._out.empty()
