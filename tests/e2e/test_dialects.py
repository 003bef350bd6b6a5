"""The published clients, as plain sockets would speak: unmodified, in one room."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from websockets import Origin
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as sync_connect

from tests.site import HANDSHAKE, Site, running_site

pytestmark = [pytest.mark.redis, pytest.mark.timeout(300)]

connect = partial(sync_connect, open_timeout=HANDSHAKE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("site"), workers=1) as site:
        yield site


def next_frame(client: ClientConnection) -> dict[str, Any]:
    """The next one that is not about who is here."""
    while True:
        frame: dict[str, Any] = json.loads(client.recv(timeout=20))
        if frame.get("t") not in ("person", "you"):
            return frame


def test_the_three_old_dialects_share_a_room(site: Site) -> None:
    with (
        connect(f"{site.websocket_url}/chat/public/") as classic,
        connect(f"{site.websocket_url}/ws/chat/public/") as tutorial,
        connect(f"{site.websocket_url}/chat/public") as public,
    ):
        for client, frame, handle in (
            (classic, {"handle": "Ada", "message": "one"}, "Ada"),
            (tutorial, {"message": "two"}, "anonymous"),
            (public, {"sender": "Bob", "message": "three"}, "Bob"),
        ):
            client.send(json.dumps(frame))
            text = frame["message"]
            line = next_frame(classic)
            assert re.fullmatch(r"[A-Z][a-z]{2} \d{1,2} \d{1,2}:\d\d [AP]M", line.pop("timestamp"))
            assert line == {"handle": handle, "message": text}
            assert next_frame(tutorial) == {"message": text}
            assert next_frame(public) == {"sender": handle, "message": text}


def test_v1_is_acknowledged_and_numbered(site: Site) -> None:
    with connect(f"{site.websocket_url}/chat/numbered/", subprotocols=["switchboard.v1"]) as client:
        assert client.subprotocol == "switchboard.v1"
        client.send(json.dumps({"t": "hello", "last": 0}))
        assert next_frame(client)["t"] == "welcome"
        client.send(json.dumps({"t": "msg", "cid": "c1", "handle": "Ada", "body": "hi"}))
        frames = {frame["t"]: frame for frame in (next_frame(client), next_frame(client))}
        assert frames["ack"]["cid"] == "c1" and frames["ack"]["seq"] == frames["msg"]["seq"] == 1
        client.send(json.dumps({"t": "msg", "cid": "c2", "handle": "Ada", "body": ""}))
        assert next_frame(client)["t"] == "nack"


@pytest.mark.parametrize("frame", ["{", "[]", "{}", '{"handle": 1, "message": "x"}', b"\x00", "x" * 40_000])
def test_bad_frames_are_ignored_and_the_socket_stays(site: Site, frame: str | bytes) -> None:
    with connect(f"{site.websocket_url}/chat/rough/") as client:
        client.send(frame)
        client.send(json.dumps({"handle": "Ada", "message": "still here"}))
        assert next_frame(client)["message"] == "still here"
    assert "Traceback" not in site.workers[0].log


def test_an_unknown_path_is_closed_with_4404(site: Site) -> None:
    with connect(f"{site.websocket_url}/nowhere/") as client, pytest.raises(ConnectionClosed) as closed:
        client.recv(timeout=20)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4404


def test_a_foreign_origin_is_refused(site: Site) -> None:
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(f"{site.websocket_url}/chat/x/", origin=Origin("http://evil.example")),
    ):
        pass
    assert refused.value.response.status_code == 403
