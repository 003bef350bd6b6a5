"""An interface on the memory layer, and a worker of few lines beside it: what the tests of this folder serve.

The worker does what the path says. It is written against the layer alone, so that the interface is tested by itself.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from switchboard.events import Content, GroupMessage, Join, Output, Reply
from switchboard.interface import Interface
from switchboard.layers.base import Delivery
from switchboard.layers.memory import MemoryLayer
from switchboard.names import CONNECT, DISCONNECT, HTTP_REQUEST, RECEIVE

layer = MemoryLayer(channel_capacity={"http.full": 1})
interface = Interface(layer)
seen: list[tuple[str, Content]] = []
written: list[int | None] = []
claimed_beats = {"dead": False}


def on_connect(path: str, to: str) -> list[Output]:
    answers: dict[str, list[Content]] = {
        "/deny": [{"accept": False}],
        "/unknown": [{"accept": True, "close": 4404}],
        "/full": [{"accept": True, "close": 1013}],
        "/sub": [{"accept": True, "subprotocol": "two"}],
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
    if word == "close":
        return [Reply(to, {"text": "bye", "close": int(rest)})]
    if word == "nonsense":
        return [Reply(to, {"text": "a", "bytes": b"b"}), Reply(to, {"colour": 1}), Reply(to, {"text": "after"})]
    return [Reply(to, {"text": rest})]


class Worker:
    """Receives and commits until the loop ends."""

    async def run(self) -> None:
        while True:
            for delivery in await layer.receive("w", [CONNECT, RECEIVE, DISCONNECT, HTTP_REQUEST], count=10, wait=1):
                await self.handle(delivery)

    async def handle(self, delivery: Delivery) -> None:
        content, to = delivery.envelope.content, delivery.envelope.socket
        assert to is not None
        seen.append((delivery.channel, content))
        if delivery.channel == HTTP_REQUEST:
            await self.request(delivery, content, to)
        elif delivery.channel == CONNECT:
            await layer.commit("w", delivery, on_connect(content["path"], to), failed=content["path"] == "/fail")
        elif delivery.channel == RECEIVE:
            await layer.commit("w", delivery, on_receive(content, to))
        else:
            await layer.commit("w", delivery)

    async def request(self, delivery: Delivery, content: Content, to: str) -> None:
        path = content["path"]
        if path == "/never":
            return
        await layer.claim_request("w", delivery)
        if path == "/dies" or path == "/half":
            if path == "/half":
                first = {"status": 200, "headers": [], "content": b"half", "more_content": True}
                await layer.publish([Reply(to, first)])
            return
        await layer.publish([Reply(to, part) for part in self.response(path, content)])
        if path == "/stream":
            written.append(await layer.await_report(to, wait=10))
            await layer.publish([Reply(to, {"content": b"end"})])

    def response(self, path: str, content: Content) -> list[dict[str, Any]]:
        if path == "/seen":
            said = [(channel, {k: repr(v) for k, v in content.items()}) for channel, content in seen]
            return [{"status": 200, "content": json.dumps([said, written]).encode()}]
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
    if worker is None:
        worker = asyncio.create_task(Worker().run())
    await interface(scope, receive, send)


application.stop = interface.stop  # type: ignore[attr-defined]
