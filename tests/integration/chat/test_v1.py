"""What ``switchboard.v1`` has beyond the published dialects: answers, repetitions, what was missed."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from chat import services, storing
from chat.models import Message
from chat.protocol import Post
from switchboard import DeadLettered
from switchboard.testing.client import WSClient
from tests.integration.chat.sockets import V1, classic, lines, send, v1

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_layer")]


class TestV1:
    def test_a_message_is_broadcast_and_acknowledged(self) -> None:
        client = v1()
        send(client, t="msg", cid="c-1", handle="ada", body="hi")
        said, ack = lines(client)
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
        first = lines(client)
        send(client, t="msg", cid="c-1", handle="ada", body="hi")
        assert lines(client) == first
        assert Message.objects.count() == 1

    def test_the_same_id_with_another_text_is_refused(self) -> None:
        client = v1()
        send(client, t="msg", cid="c-1", handle="ada", body="hi")
        lines(client)
        send(client, t="msg", cid="c-1", handle="ada", body="ho")
        [nack] = lines(client)
        assert (nack["t"], nack["cid"], nack["code"], nack["retry"]) == ("nack", "c-1", "conflict", False)

    def test_hello_brings_what_was_missed(self) -> None:
        for n in range(3):
            services.post("tea", Post("ada", f"m{n}"), identity=f"c:{n}")
        client = v1()
        send(client, t="hello", last=1)
        [welcome] = lines(client)
        assert (welcome["t"], welcome["seq"], welcome["reset"]) == ("welcome", 3, False)
        assert [(line["seq"], line["body"]) for line in welcome["missed"]] == [(2, "m1"), (3, "m2")]
        send(client, t="hello", last=99)
        [welcome] = lines(client)
        assert welcome["reset"] is True and len(welcome["missed"]) == 3

    def test_ping(self) -> None:
        client = v1()
        send(client, t="ping")
        assert lines(client) == [{"t": "pong"}]

    def test_the_pages_ping_is_left_to_the_interface(self) -> None:
        accept = WSClient("/chat/tea/", subprotocols=V1).connect()
        assert accept is not None and accept["answers"] == {'{"t":"ping"}': '{"t":"pong"}'}

    def test_a_failure_is_a_nack_and_not_a_wait(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*args: object, **kwargs: object) -> None:
            raise RuntimeError("broken on purpose")

        client, old = v1(), classic()
        with monkeypatch.context() as patch:
            patch.setattr(storing, "store", broken)
            send(client, t="msg", cid="c-1", handle="ada", body="hi")
            send(old, handle="ada", message="hi")
        [nack] = lines(client)
        assert (nack["t"], nack["cid"], nack["code"]) == ("nack", "c-1", "failed")
        assert old.received() == []
        send(client, t="msg", cid="c-1", handle="ada", body="hi")
        assert [frame["t"] for frame in lines(client)] == ["msg", "ack"]

    def test_what_was_given_up_is_not_to_be_sent_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def dead(*args: object, **kwargs: object) -> None:
            raise DeadLettered(3)

        client = v1()
        monkeypatch.setattr(storing, "store", dead)
        send(client, t="msg", cid="c-1", handle="ada", body="hi")
        [nack] = lines(client)
        assert (nack["t"], nack["cid"], nack["code"], nack["retry"]) == ("nack", "c-1", "dead", False)


class TestWhoIsLoggedIn:
    def test_is_named_on_what_they_say(self) -> None:
        ada = User.objects.create_user("ada")
        client, other = v1(user=ada), v1()
        send(client, t="hello")
        assert lines(client)[0]["you"]["user"] == "ada"
        send(client, t="msg", cid="c-1", handle="Countess", body="hi")
        [said] = lines(other)
        assert (said["handle"], said["user"]) == ("Countess", "ada")
        assert Message.objects.get().user == ada

    def test_others_are_not(self) -> None:
        client = v1()
        send(client, t="hello")
        assert "user" not in lines(client)[0]["you"]
