"""Sockets as the consumers see them: every dialect, on the in-memory layer, with a real database."""

from __future__ import annotations

import json
import logging

import pytest

from chat import services
from chat.dialects import DIALECTS
from chat.models import Message, Room
from chat.protocol import Post
from switchboard.testing.client import WSClient
from tests.integration.chat.sockets import V1, classic, lines, send, v1

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_layer")]


class TestConnect:
    @pytest.mark.parametrize(
        ("path", "subprotocols", "label", "dialect"),
        [
            ("/chat/tea/", (), "tea", "classic"),
            ("/chat/tea/", ("graphql-ws",), "tea", "classic"),
            ("/chat/tea/", V1, "tea", "v1"),
            ("/ws/chat/tea/", (), "tea", "tutorial"),
            ("/chat/public", (), "public", "public"),
            ("/chat/public/", (), "public", "classic"),
        ],
    )
    def test_the_path_and_the_subprotocol_choose(
        self, path: str, subprotocols: tuple[str, ...], label: str, dialect: str
    ) -> None:
        client = classic(path, subprotocols=subprotocols)
        assert client.groups == {f"chat.{label}.{dialect}"}
        assert Room.objects.get().label == label

    def test_v1_is_accepted_with_its_name_and_the_frames_for_hard_times(self) -> None:
        accept = WSClient("/chat/tea/", subprotocols=V1).connect()
        assert accept is not None
        assert accept["subprotocol"] == "switchboard.v1"
        assert accept["frames"] == DIALECTS["v1"].frames
        assert WSClient("/chat/tea/").connect() == {"accept": True}

    @pytest.mark.parametrize(
        "path",
        [
            "/chat/new/",
            "/ws/chat/new/",
            "/chat/" + "x" * 51 + "/",
            "/chat/a%20b/",
            "/chat//",
            "/chat/é/",
            "/chat/a%0A/",
        ],
    )
    def test_a_room_that_cannot_be_is_closed_with_4404(self, path: str) -> None:
        client = WSClient(path)
        assert client.connect() == {"accept": True, "close": 4404}
        client.text('{"handle": "ada", "message": "hi"}')
        client.disconnect(4404)
        assert client.received() == [] and not Room.objects.exists()

    def test_a_browser_learns_the_code_only_if_its_subprotocol_is_taken(self) -> None:
        client = WSClient("/chat/new/", subprotocols=("other", *V1))
        assert client.connect() == {"accept": True, "close": 4404, "subprotocol": "other"}

    @pytest.mark.parametrize("path", ["/", "/chat/", "/chat/a/b/", "/ws/chat/tea", "/ws/tea/", "/chat/tea"])
    def test_so_is_a_path_that_nobody_knows(self, path: str) -> None:
        assert WSClient(path).connect() == {"accept": True, "close": 4404}
        assert not Room.objects.exists()

    def test_who_leaves_hears_no_more(self) -> None:
        stays, leaves = classic(), classic()
        leaves.disconnect()
        send(stays, handle="ada", message="hi")
        assert len(lines(stays)) == 1 and leaves.received() == [] and leaves.groups == set()


def test_the_dialects_share_a_room() -> None:
    everybody = {
        "classic": classic("/chat/public/"),
        "tutorial": classic("/ws/chat/public/"),
        "public": classic("/chat/public"),
        "v1": classic("/chat/public/", subprotocols=V1),
    }
    send(everybody["classic"], handle="ada", message="1")
    send(everybody["tutorial"], message="2")
    send(everybody["public"], sender="cy", message="3")
    send(everybody["v1"], t="msg", cid="c-4", handle="di", body="4")
    heard = {name: lines(client) for name, client in everybody.items()}
    assert [(f["handle"], f["message"]) for f in heard["classic"]] == [
        ("ada", "1"),
        ("anonymous", "2"),
        ("cy", "3"),
        ("di", "4"),
    ]
    assert heard["tutorial"] == [{"message": str(n)} for n in range(1, 5)]
    assert heard["public"][1] == {"sender": "anonymous", "message": "2"}
    assert [(f["t"], f["seq"]) for f in heard["v1"]] == [("msg", 1), ("msg", 2), ("msg", 3), ("msg", 4), ("ack", 4)]


class TestBadInput:
    BAD = (
        "nonsense",
        "[]",
        "{}",
        '{"handle": 1, "sender": 1, "message": 1, "t": "msg", "cid": "c", "body": 1}',
        '{"handle": "a", "sender": "a", "message": " ", "t": "msg", "cid": "c", "body": " "}',
        json.dumps(
            dict.fromkeys(("message", "body"), "x" * 2_001) | {"handle": "a", "sender": "a", "t": "msg", "cid": "c"}
        ),
        json.dumps({"message": "x" * 40_000}),
    )

    @pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
    @pytest.mark.parametrize("path", ["/chat/tea/", "/ws/chat/tea/", "/chat/public"])
    def test_old_dialects_ignore_and_log(self, path: str, text: str, caplog: pytest.LogCaptureFixture) -> None:
        client = classic(path)
        with caplog.at_level(logging.INFO, "chat"):
            client.text(text)
        assert client.received() == [] and not Message.objects.exists()
        [record] = [record for record in caplog.records if record.name == "chat.frames"]
        assert record.exc_info is None and "Refused a frame" in record.message
        assert "x" * 50 not in record.message

    @pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
    def test_v1_is_told_what_was_wrong(self, text: str) -> None:
        client = v1()
        client.text(text)
        [nack] = lines(client)
        assert nack["t"] == "nack" and nack["code"] and nack["text"] and nack["retry"] is False
        assert not Message.objects.exists()

    def test_a_binary_frame(self) -> None:
        client, old = v1(), classic()
        client.binary(b'{"t":"ping"}')
        old.binary(b'{"handle":"ada","message":"hi"}')
        assert [frame["code"] for frame in lines(client)] == ["binary"]
        assert old.received() == [] and not Message.objects.exists()

    def test_the_socket_goes_on(self) -> None:
        client = classic()
        client.text("nonsense")
        send(client, handle="ada", message="hi")
        assert [frame["message"] for frame in lines(client)] == ["hi"]


def test_a_redelivered_frame_of_an_old_client_is_stored_once() -> None:
    """A worker died after the commit to the database: the same channel message comes again, under the same id."""
    identity = services.identity_of(cid=None, message_id="socket/7")
    first = services.post("tea", Post("ada", "hi"), identity=identity)
    assert services.post("tea", Post("ada", "hi"), identity=identity).message == first.message


def test_the_channel_of_our_own(caplog: pytest.LogCaptureFixture) -> None:
    client = classic()
    send(client, handle="ada", message="a secret")
    client.disconnect()
    with caplog.at_level(logging.INFO, "chat.activity"):
        while client.consume("chat.log", fail_on_none=False):
            pass
    assert caplog.messages == ["tea joined (classic)", "tea left (classic)"]
