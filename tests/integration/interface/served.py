"""An interface on the memory layer, and a worker of few lines beside it: what the tests of this folder serve.

The worker does what the path says. It is written against the layer alone, so that the interface is tested by itself.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
from typing import Any

from django.conf import settings

from switchboard.events import Content, GroupMessage, Join, Leave, Output, Reply
from switchboard.interface import Interface
from switchboard.layers.base import Delivery
from switchboard.layers.memory import MemoryLayer
from switchboard.names import CONNECT, DISCONNECT, HTTP_REQUEST, RECEIVE

#: What takes time takes little here, but for the two timeouts, since a busy machine stands still for seconds: a test
#: that waits for one makes it shorter.
settings.SWITCHBOARD = {
    "HTTP_BODY_BYTES": 1024 * 1024,
    # Much longer than it takes to see that a worker has died: its lease, a grace of two seconds, up to two looks, and
    # all of that once more where the process stood still in between.
    "HTTP_TIMEOUT": float(os.environ.get("HTTP_TIMEOUT", "30")),
    "CONNECT_TIMEOUT": float(os.environ.get("CONNECT_TIMEOUT", "5")),
    "SOCKET_BUFFER_BYTES": int(os.environ.get("BUFFER_BYTES", "4096")),
    "SOCKET_UNSENT_BYTES": int(os.environ.get("UNSENT_BYTES", str(1024 * 1024))),
    "CLOSED_SOCKETS_BYTES": int(os.environ.get("CLOSED_BYTES", str(1024 * 1024))),
    "WORKER_LEASE": 1.0,
    "INTERFACE_BEAT": 0.3,
}

#: With WORKERLESS=1 nobody consumes, and each channel holds one message.
WORKERLESS = os.environ.get("WORKERLESS") == "1"
#: With NO_GC=1 only reference counts free anything.
if os.environ.get("NO_GC") == "1":
    gc.disable()
FLOOD_FRAME = 64 * 1024
BIG_CHUNKS, CHUNK = 64, 1024 * 1024

layer = MemoryLayer(channel_capacity={"*": 1 if WORKERLESS else 100})
interface = Interface(layer)
seen: list[tuple[str, Content]] = []
written: list[int | None] = []
stopping = asyncio.Event()


def on_connect(path: str, to: str) -> list[Output]:
    answers: dict[str, list[Content]] = {
        "/deny": [{"accept": False}],
        "/unknown": [{"accept": True, "close": 4404}],
        "/sub": [{"accept": True, "subprotocol": "two"}],
        "/canned": [{"accept": True, "frames": {"failed": "sorry"}}],
        "/answers": [{"accept": True, "answers": {"ping": "pong"}}],
        "/implicit": [{"text": "hello"}],
        "/silent": [],
    }
    return [Join(to, "all"), *(Reply(to, answer) for answer in answers.get(path, [{"accept": True}]))]


def on_receive(content: Content, to: str) -> list[Output]:
    text = content.get("text")
    if text is None:
        return [Reply(to, {"bytes": content["bytes"]})]
    word, _, rest = text.partition(" ")
    if word == "all":
        return [GroupMessage("all", {"text": rest})]
    if word == "flood":
        return [GroupMessage("all", {"text": "x" * FLOOD_FRAME})] * int(rest)
    if word == "leave":
        return [Leave(to, "all"), Reply(to, {"text": "left"})]
    if word == "close":
        return [Reply(to, {"text": "bye", "close": int(rest)})]
    if word == "nonsense":
        return [Reply(to, {"text": "a", "bytes": b"b"}), Reply(to, {"colour": 1}), Reply(to, {"text": "after"})]
    return [Reply(to, {"text": rest})]


class Worker:
    """Receives and commits until the loop ends. Named ``w``, it beats, but not after a request of which it is to die,
    until the next one comes: whoever relies on it meanwhile gives it up."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._gate = asyncio.Event()
        self._dead = False

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.beat())
            tasks.create_task(self.work())

    async def beat(self) -> None:
        while True:
            if not self._dead:
                await layer.beat_worker("w")
            await asyncio.sleep(0.2)

    async def work(self) -> None:
        while True:
            for delivery in await layer.take("w", [CONNECT, RECEIVE, DISCONNECT, HTTP_REQUEST], count=10, wait=1):
                task = asyncio.create_task(self.handle(delivery))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def handle(self, delivery: Delivery) -> None:
        content, to = delivery.envelope.content, delivery.envelope.socket
        assert to is not None
        seen.append((delivery.channel, content))
        if delivery.channel == HTTP_REQUEST:
            await self.request(delivery, content, to)
        elif delivery.channel == CONNECT:
            await self.connect(delivery, content["path"], to)
        elif delivery.channel == RECEIVE:
            await self.receive(delivery, content, to)
        else:
            await layer.commit("w", delivery)

    async def connect(self, delivery: Delivery, path: str, to: str) -> None:
        if path == "/fail":
            await layer.commit("w", delivery, failed=True)
        else:
            await layer.commit("w", delivery, on_connect(path, to))

    async def receive(self, delivery: Delivery, content: Content, to: str) -> None:
        if content.get("text") == "hold":
            await self._gate.wait()  # until some socket says "release"
        if content.get("text") == "release":
            self._gate.set()
        if content.get("text") == "fail":
            await layer.commit("w", delivery, failed=True)
        else:
            await layer.commit("w", delivery, on_receive(content, to))

    async def request(self, delivery: Delivery, content: Content, to: str) -> None:
        path = content["path"]
        self._dead = path in ("/dies", "/half")
        if path == "/never":
            return
        await layer.claim_request("w", delivery)
        if path == "/half":
            await layer.publish([Reply(to, {"status": 200, "content": b"half", "more_content": True})])
        elif path == "/big":
            await self.send_big(to)
        elif path == "/lingers":
            await layer.publish([Reply(to, {"status": 200, "content": b"begin,", "more_content": True})])
            await stopping.wait()
            await layer.publish([Reply(to, {"content": b"end"})])
        elif path != "/dies":
            await layer.publish([Reply(to, part) for part in self.response(path, content)])
            if path == "/stream":
                written.append(await layer.await_report(to, wait=10))
                await layer.publish([Reply(to, {"content": b"end"})])

    async def send_big(self, to: str) -> None:
        """Chunks, each sent when the one before has been written."""
        status = {"status": 200}
        for number in range(1, BIG_CHUNKS + 1):
            report = {"more_content": number < BIG_CHUNKS, "report": number * CHUNK}
            await layer.publish([Reply(to, {**status, "content": b"x" * CHUNK, **report})])
            status = {}
            if number < BIG_CHUNKS:
                written.append(await layer.await_report(to, wait=60))
                if written[-1] == -1:
                    return

    def response(self, path: str, content: Content) -> list[dict[str, Any]]:
        if path == "/seen":
            said = [(channel, {key: repr(value) for key, value in content.items()}) for channel, content in seen]
            return [{"status": 200, "content": json.dumps({"seen": said, "written": written}).encode()}]
        if path == "/alive":
            alive = [type(thing).__name__ for thing in gc.get_objects()]
            counted = {name: alive.count(name) for name in content["query_string"].decode().split(",")}
            return [{"status": 200, "content": json.dumps(counted).encode()}]
        if path == "/stream":
            return [{"status": 200, "content": b"begin,", "more_content": True, "report": 6}]
        if path == "/cookies":
            return [{"status": 200, "headers": [[b"set-cookie", b"a=1"], [b"Set-Cookie", b"b=2"]], "content": b"ok"}]
        if path == "/nonsense":
            return [{"content": b"no status"}]
        body = b"%s %s" % (content["method"].encode(), content["body"])
        return [{"status": 200, "headers": [[b"content-length", b"%d" % len(body)]], "content": body}]


worker: asyncio.Task[None] | None = None


async def application(scope: Any, receive: Any, send: Any) -> None:
    """The interface; the worker begins with the first connection, on the same loop."""
    global worker
    if worker is None and not WORKERLESS:
        worker = asyncio.create_task(Worker().run())
    await interface(scope, receive, send)


def stop() -> asyncio.Future[None]:
    """The end of the interface, of which the worker is told: it still has something to say then."""
    stopping.set()
    return interface.stop()


application.stop = stop  # type: ignore[attr-defined]
