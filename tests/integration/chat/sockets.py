"""Sockets of the chat in tests, on the in-memory layer."""

from __future__ import annotations

import json
from typing import Any

from switchboard.testing.client import WSClient
from tests.integration.chat.conftest import visitor

V1 = ("switchboard.v1",)


def classic(path: str = "/chat/tea/", **options: Any) -> WSClient:
    """An old client."""
    client = WSClient(path, **options)
    accept = client.connect()
    assert accept is not None and accept["accept"] is True and "close" not in accept, accept
    return client


def v1(path: str = "/chat/tea/", **options: Any) -> WSClient:
    """A program: it comes without cookies."""
    return classic(path, subprotocols=V1, **options)


def tab(browser: str, path: str = "/chat/tea/", **options: Any) -> WSClient:
    """A tab of somebody's browser."""
    return v1(path, headers=visitor(browser), **options)


def send(client: WSClient, **frame: object) -> None:
    client.text(json.dumps(frame))


def say(client: WSClient, body: str, **more: object) -> None:
    send(client, t="msg", cid=f"c-{body.replace(' ', '-')}", body=body, **more)


def heard(client: WSClient) -> list[dict[str, Any]]:
    """Every frame that came since it was asked last; a close is ``{"close": code}``."""
    return [json.loads(reply["text"]) if "text" in reply else reply for reply in client.received()]


def lines(client: WSClient) -> list[dict[str, Any]]:
    """The frames that came since it was asked last, but for those that tell of people."""
    return [frame for frame in heard(client) if frame.get("t") not in ("you", "person")]


def hello(client: WSClient, handle: str | None = None, last: int | None = None) -> dict[str, Any]:
    """Say hello; the welcome."""
    send(client, t="hello", last=last, handle=handle)
    [welcome] = [frame for frame in heard(client) if frame["t"] == "welcome"]
    return welcome
