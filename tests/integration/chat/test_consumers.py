"""Sockets as the consumers see them: every dialect, on the in-memory layer, with a real database."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import django.test
import pytest
from channels.layers import channel_layers
from django.contrib.auth.models import User
from django.db import transaction

from chat import services, storing
from chat.dialects import DIALECTS
from chat.models import Message, Room
from chat.protocol import Post
from switchboard import DeadLettered
from switchboard.testing.client import HttpClient, WSClient

pytestmark = pytest.mark.django_db(transaction=True)

V1 = ("switchboard.v1",)


@pytest.fixture(autouse=True)
def _own_layer() -> Iterator[None]:
    channel_layers.backends.clear()
    yield
    channel_layers.backends.clear()


def connected(path: str = "/chat/tea/", **options: Any) -> WSClient:
    client = WSClient(path, **options)
    accept = client.connect()
    assert accept is not None and accept["accept"] is True and "close" not in accept
    return client


def v1(**options: Any) -> WSClient:
    return connected(subprotocols=V1, **options)


def send(client: WSClient, **frame: object) -> None:
    client.text(json.dumps(frame))


def frames(client: WSClient) -> list[dict[str, Any]]:
    """What it heard, but for who comes, goes and is called what: ``test_company`` has that."""
    heard = [json.loads(reply["text"]) for reply in client.received()]
    return [frame for frame in heard if frame.get("t") not in ("you", "person")]


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
        client = connected(path, subprotocols=subprotocols)
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
        stays, leaves = connected(), connected()
        leaves.disconnect()
        send(stays, handle="ada", message="hi")
        assert len(frames(stays)) == 1 and leaves.received() == [] and leaves.groups == set()


def test_the_dialects_share_a_room() -> None:
    everybody = {
        "classic": connected("/chat/public/"),
        "tutorial": connected("/ws/chat/public/"),
        "public": connected("/chat/public"),
        "v1": connected("/chat/public/", subprotocols=V1),
    }
    send(everybody["classic"], handle="ada", message="1")
    send(everybody["tutorial"], message="2")
    send(everybody["public"], sender="cy", message="3")
    send(everybody["v1"], t="msg", cid="c-4", handle="di", body="4")
    heard = {name: frames(client) for name, client in everybody.items()}
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
        client = connected(path)
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
        [nack] = frames(client)
        assert nack["t"] == "nack" and nack["code"] and nack["text"] and nack["retry"] is False
        assert not Message.objects.exists()

    def test_a_binary_frame(self) -> None:
        client, old = v1(), connected()
        client.binary(b'{"t":"ping"}')
        old.binary(b'{"handle":"ada","message":"hi"}')
        assert [frame["code"] for frame in frames(client)] == ["binary"]
        assert old.received() == [] and not Message.objects.exists()

    def test_the_socket_goes_on(self) -> None:
        client = connected()
        client.text("nonsense")
        send(client, handle="ada", message="hi")
        assert [frame["message"] for frame in frames(client)] == ["hi"]


class TestV1:
    def test_a_message_is_broadcast_and_acknowledged(self) -> None:
        client = v1()
        send(client, t="msg", cid="c-1", handle="ada", body="hi")
        said, ack = frames(client)
        stored = Message.objects.get()
        assert said == {
            "t": "msg",
            "seq": 1,
            "id": stored.pk,
            "cid": "c-1",
            "handle": "ada",
            "body": "hi",
            "at": ack["at"],
            "person": stored.person,
        }
        assert ack == {"t": "ack", "cid": "c-1", "seq": 1, "at": said["at"]}

    def test_a_repetition_is_acknowledged_and_not_stored(self) -> None:
        client = v1()
        send(client, t="msg", cid="c-1", handle="ada", body="hi")
        first = frames(client)
        send(client, t="msg", cid="c-1", handle="ada", body="hi")
        assert frames(client) == first
        assert Message.objects.count() == 1

    def test_the_same_id_with_another_text_is_refused(self) -> None:
        client = v1()
        send(client, t="msg", cid="c-1", handle="ada", body="hi")
        frames(client)
        send(client, t="msg", cid="c-1", handle="ada", body="ho")
        [nack] = frames(client)
        assert (nack["t"], nack["cid"], nack["code"], nack["retry"]) == ("nack", "c-1", "conflict", False)

    def test_hello_brings_what_was_missed(self) -> None:
        for n in range(3):
            services.post("tea", Post("ada", f"m{n}"), identity=f"c:{n}")
        client = v1()
        send(client, t="hello", last=1)
        [welcome] = frames(client)
        assert (welcome["t"], welcome["seq"], welcome["reset"]) == ("welcome", 3, False)
        assert [(line["seq"], line["body"]) for line in welcome["missed"]] == [(2, "m1"), (3, "m2")]
        send(client, t="hello", last=99)
        [welcome] = frames(client)
        assert welcome["reset"] is True and len(welcome["missed"]) == 3

    def test_ping(self) -> None:
        client = v1()
        send(client, t="ping")
        assert frames(client) == [{"t": "pong"}]

    def test_the_pages_ping_is_left_to_the_interface(self) -> None:
        accept = WSClient("/chat/tea/", subprotocols=V1).connect()
        assert accept is not None and accept["answers"] == {'{"t":"ping"}': '{"t":"pong"}'}

    def test_a_failure_is_a_nack_and_not_a_wait(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*args: object, **kwargs: object) -> None:
            raise RuntimeError("broken on purpose")

        client, old = v1(), connected()
        with monkeypatch.context() as patch:
            patch.setattr(storing, "store", broken)
            send(client, t="msg", cid="c-1", handle="ada", body="hi")
            send(old, handle="ada", message="hi")
        [nack] = frames(client)
        assert (nack["t"], nack["cid"], nack["code"]) == ("nack", "c-1", "failed")
        assert old.received() == []
        send(client, t="msg", cid="c-1", handle="ada", body="hi")
        assert [frame["t"] for frame in frames(client)] == ["msg", "ack"]

    def test_what_was_given_up_is_not_to_be_sent_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def dead(*args: object, **kwargs: object) -> None:
            raise DeadLettered(3)

        client = v1()
        monkeypatch.setattr(storing, "store", dead)
        send(client, t="msg", cid="c-1", handle="ada", body="hi")
        [nack] = frames(client)
        assert (nack["t"], nack["cid"], nack["code"], nack["retry"]) == ("nack", "c-1", "dead", False)


class TestWhoIsLoggedIn:
    def test_is_named_on_what_they_say(self) -> None:
        ada = User.objects.create_user("ada")
        client, other = v1(user=ada), v1()
        send(client, t="hello")
        assert frames(client)[0]["you"]["user"] == "ada"
        send(client, t="msg", cid="c-1", handle="Countess", body="hi")
        [said] = frames(other)
        assert (said["handle"], said["user"]) == ("Countess", "ada")
        assert Message.objects.get().user == ada

    def test_others_are_not(self) -> None:
        client = v1()
        send(client, t="hello")
        assert "user" not in frames(client)[0]["you"]


def test_a_redelivered_frame_of_an_old_client_is_stored_once() -> None:
    """A worker died after the commit to the database: the same channel message comes again, under the same id."""
    identity = services.identity_of(cid=None, message_id="socket/7")
    first = services.post("tea", Post("ada", "hi"), identity=identity)
    assert services.post("tea", Post("ada", "hi"), identity=identity).message == first.message


def test_what_is_saved_elsewhere_reaches_the_room() -> None:
    client = connected()
    Message.objects.create(room=Room.objects.get(), handle="bot", message="from a shell")
    assert [frame["message"] for frame in frames(client)] == ["from a shell"]


def test_what_is_added_in_the_admin_reaches_the_room(admin_client: django.test.Client) -> None:
    client = v1()
    fields = {"room": Room.objects.get().pk, "handle": "host", "message": "Welcome", "user": ""}
    moment = {"timestamp_0": "2026-02-20", "timestamp_1": "19:48:00"}
    assert admin_client.post("/admin/chat/message/add/", fields | moment).status_code == 302
    [said] = frames(client)
    assert (said["seq"], said["handle"], said["body"], said["at"]) == (1, "host", "Welcome", "2026-02-20T19:48:00.000Z")


def test_what_a_form_posts_reaches_the_room(client: django.test.Client) -> None:
    socket = connected()
    cid = "3f0c8a52-1d5e-4a55-9c3a-0d7f6a1b2c3d"
    assert client.post("/chat/tea/", {"handle": "ada", "body": "by form", "cid": cid}).status_code == 302
    assert [frame["message"] for frame in frames(socket)] == ["by form"]


def test_the_channel_of_our_own(caplog: pytest.LogCaptureFixture) -> None:
    client = connected()
    send(client, handle="ada", message="a secret")
    client.disconnect()
    with caplog.at_level(logging.INFO, "chat.activity"):
        while client.consume("chat.log", fail_on_none=False):
            pass
    assert caplog.messages == ["tea joined (classic)", "tea left (classic)"]


def test_a_deleted_room_parts() -> None:
    """Its successor counts from 1 again, so nobody may go on with the numbers of the old one."""
    old = [v1(), connected("/ws/chat/tea/")]
    for n in range(3):
        send(old[1], message=f"m{n}")
    with transaction.atomic():
        Room.objects.all().delete()
        assert {"close": 4410} not in old[0].received()
    assert old[1].received()[-1] == {"close": 4410}
    assert old[0].received() == [{"close": 4410}]
    back = v1()
    send(back, t="hello", last=3)
    [welcome] = frames(back)
    assert (welcome["seq"], welcome["reset"], welcome["missed"]) == (0, True, [])


def test_health() -> None:
    response = HttpClient().request("GET", "/healthz")
    assert response["status"] == 200
    assert json.loads(response["content"]) == {"status": "ok", "database": True}


def test_the_pages_come_by_the_same_way() -> None:
    response = HttpClient().request("GET", "/")
    assert response["status"] == 200 and b"Create new chat room" in response["content"]
