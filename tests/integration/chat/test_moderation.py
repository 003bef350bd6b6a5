"""Who holds the keys of a room, and what they may do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from chat import identity, moderation, repair, services
from chat.models import Ban, Member, Message, Room
from chat.protocol import Post
from switchboard.testing.client import WSClient
from tests.integration.chat.conftest import visitor, visitor_cookie
from tests.integration.chat.sockets import classic, heard, hello, say, tab, v1

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_layer")]


def browser(name: str, **options: Any) -> Client:
    """The browser that ``tab`` has a socket of."""
    client = Client(**options)
    client.cookies[identity.COOKIE] = visitor_cookie(name)
    return client


def post(client: Client, action: str, **fields: Any) -> Any:
    return client.post(f"/chat/tea/{action}", fields, headers={"accept": "application/json"})


def error(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


class TestKeys:
    def test_whoever_makes_the_room_has_them(self) -> None:
        assert hello(tab("ada"))["you"]["keys"] is True
        assert hello(tab("bob"))["you"]["keys"] is False

    def test_also_who_makes_it_by_a_message(self) -> None:
        ada = browser("ada")
        fields = {"handle": "ada", "body": "hi", "cid": "3f0c8a52-1d5e-4a55-9c3a-0d7f6a1b2c3d"}
        assert ada.post("/chat/tea/", fields).status_code == 302
        assert hello(tab("ada"))["you"]["keys"] is True

    def test_programs_and_rooms_for_everybody_have_none(self) -> None:
        assert hello(v1())["you"]["keys"] is False
        assert hello(tab("ada", "/chat/public/"))["you"]["keys"] is False

    def test_the_owners_link_asks_and_then_gives_them(self) -> None:
        hello(tab("ada"))
        html = browser("ada").get("/chat/tea/").context
        link = html["owner_link"]
        assert link.startswith("http://testserver/chat/tea/keys/")
        bob, tab_of_bob = browser("bob"), tab("bob")
        assert bob.get("/chat/tea/").context["owner_link"] is None
        hello(tab_of_bob, "bob")
        assert bob.get(link).status_code == 200 and not Member.objects.get(handle="bob").keys
        assert bob.post(link).status_code == 302
        assert [frame["keys"] for frame in heard(tab_of_bob) if frame["t"] == "you"] == [True]
        assert hello(tab("ada"))["you"]["keys"] is True

    def test_another_token_is_none(self) -> None:
        hello(tab("ada"))
        bob = browser("bob")
        for path in (f"/chat/tea/keys/{'0' * 32}/", f"/chat/cake/keys/{moderation.token(Room.objects.get())}/"):
            assert bob.get(path).status_code == 404 and bob.post(path).status_code == 404
        assert bob.get("/chat/tea/keys/x/").status_code == 404

    def test_the_token_ends_with_the_room(self) -> None:
        hello(tab("ada"))
        before = moderation.token(Room.objects.get())
        Room.objects.all().delete()
        assert not moderation.is_token(services.ensure_room("tea"), before)

    @pytest.mark.parametrize("action", ["topic", "lock", "mute", "delete", "remove"])
    def test_nobody_else_may(self, action: str) -> None:
        hello(tab("ada"))
        assert error(post(browser("bob"), action)) == (403, "forbidden")
        assert error(post(Client(), action)) == (403, "forbidden")
        assert browser("ada").get(f"/chat/tea/{action}").status_code == 405
        assert browser("ada", enforce_csrf_checks=True).post(f"/chat/tea/{action}").status_code == 403
        assert error(browser("ada").post(f"/chat/cake/{action}", headers={"accept": "application/json"})) == (
            404,
            "no-room",
        )
        assert Room.objects.count() == 1

    def test_operators_may(self, admin_client: Client) -> None:
        hello(tab("ada"))
        assert post(admin_client, "lock", locked="1").json() == {"ok": True}


class TestRoom:
    def test_a_topic(self) -> None:
        ada = tab("ada")
        hello(ada)
        assert post(browser("ada"), "topic", topic="  Sunday's   walk ").json() == {"ok": True}
        assert heard(ada) == [{"t": "room", "name": "tea", "topic": "Sunday's walk", "locked": False}]
        assert hello(ada)["room"]["topic"] == "Sunday's walk"
        for wrong in ("x" * 201, "\u202e", "a\x07"):
            assert error(post(browser("ada"), "topic", topic=wrong)) == (400, "bad-topic")
        assert browser("ada").post("/chat/tea/topic", {"topic": ""})["Location"] == "/chat/tea/"
        assert Room.objects.get().topic == ""

    def test_a_lock(self) -> None:
        ada, bob, old = tab("ada"), tab("bob"), classic()
        hello(ada, "ada"), hello(bob, "bob")
        say(bob, "before")
        post(browser("ada"), "lock", locked="1")
        assert heard(bob)[-1] == {"t": "room", "name": "tea", "topic": "", "locked": True}
        say(bob, "locked out")
        assert heard(bob)[-1]["code"] == "locked"
        say(bob, "before")
        assert heard(bob)[-1]["t"] == "ack"  # it is stored
        old.text(json.dumps({"handle": "old", "message": "hi"}))
        say(ada, "mine")
        assert [m.message for m in services.recent("tea")] == ["before", "mine"]
        post(browser("ada"), "lock", locked="0")
        say(bob, "locked out")
        assert Message.objects.count() == 3

    def test_it_is_deleted(self) -> None:
        ada = tab("ada")
        hello(ada)
        assert post(browser("ada"), "remove").json() == {"ok": True}
        assert heard(ada) == [{"close": 4410}] and not Room.objects.exists()
        # Who clicked twice is where one click leads.
        assert browser("ada").post("/chat/tea/remove")["Location"] == "/"


class TestPeople:
    def test_a_mute(self) -> None:
        ada, bob = tab("ada"), tab("bob")
        adas, bobs = hello(ada, "ada")["you"]["person"], hello(bob, "bob")["you"]["person"]
        assert post(browser("ada"), "mute", person=bobs, muted="1").json() == {"ok": True}
        say(bob, "hi")
        assert heard(bob)[-1]["code"] == "muted"
        bob.disconnect()
        back = tab("bob")
        hello(back, "bob")
        say(back, "hi")
        assert heard(back)[-1]["code"] == "muted"
        fields = {"handle": "bob", "body": "hi", "cid": "3f0c8a52-1d5e-4a55-9c3a-0d7f6a1b2c3d"}
        assert error(browser("bob").post("/chat/tea/", fields, headers={"accept": "application/json"})) == (
            403,
            "muted",
        )
        post(browser("ada"), "mute", person=bobs, muted="0")
        say(back, "hi")
        assert heard(back)[-1]["t"] == "ack"
        for nobody in (adas, "", "0" * 16):
            assert error(post(browser("ada"), "mute", person=nobody, muted="1")) == (404, "no-such")

    def test_who_holds_the_keys_is_told_who_is_muted_and_nobody_else(self, admin_client: Client) -> None:
        ada, again, bob, eve = tab("ada"), tab("ada"), tab("bob"), tab("eve")
        hello(ada, "ada")
        bobs = hello(bob, "bob")["you"]["person"]
        for tab_of_another in (again, eve):
            hello(tab_of_another)
        everybody = (ada, again, bob, eve)

        def told() -> list[list[object]]:
            return [[frame["muted"] for frame in heard(one) if frame["t"] == "muted"] for one in everybody]

        told()
        post(browser("ada"), "mute", person=bobs, muted="1")
        assert told() == [[True], [True], [], []]
        assert browser("ada").get("/chat/tea/muted").json() == {"muted": [bobs]}
        for other in (browser("bob"), browser("nobody")):
            assert error(other.get("/chat/tea/muted", headers={"accept": "application/json"})) == (403, "forbidden")
        member = Member.objects.get(handle="bob")
        admin_client.post(f"/admin/chat/member/{member.pk}/change/", {"muted": ""})
        assert told() == [[False], [False], [], []]
        assert browser("ada").get("/chat/tea/muted").json() == {"muted": []}
        assert browser("ada").get("/chat/cake/muted").status_code == 404

    def test_a_ban_closes_and_keeps_out(self, admin_client: Client) -> None:
        hello(tab("ada"))
        bob = tab("bob")
        hello(bob, "bob")
        member = Member.objects.get(handle="bob")
        assert admin_client.post(f"/admin/chat/member/{member.pk}/change/", {"banned": "on"}).status_code == 302
        assert heard(bob)[-1] == {"close": 4403}
        again = WSClient("/chat/tea/", subprotocols=("switchboard.v1",), headers=visitor("bob"))
        accept = again.connect()
        assert accept is not None and accept["close"] == 4403
        assert hello(tab("cy"), "cy")["count"] == 3  # bob's disconnect is on its way

    def test_a_banned_address_stays_out(self, admin_client: Client) -> None:
        ban = {"network": "127.0.0.0/8", "room": "", "until_0": "", "until_1": "", "note": ""}
        assert admin_client.post("/admin/chat/ban/add/", {**ban, "network": "nonsense"}).status_code == 200
        assert admin_client.post("/admin/chat/ban/add/", ban).status_code == 302
        accept = WSClient("/chat/tea/").connect()
        assert accept == {"accept": True, "close": 4403} and not Room.objects.exists()
        for path in ("/chat/tea/", "/chat/tea/transcript.txt", "/api/rooms/tea/messages"):
            assert Client().get(path).status_code == 403
        Ban.objects.update(room=services.ensure_room("cake"))
        assert WSClient("/chat/tea/").connect() == {"accept": True}


class TestTombstones:
    @pytest.fixture(autouse=True)
    def _said(self, own_layer: None) -> None:
        self.ada, self.old = tab("ada"), classic()
        hello(self.ada, "ada")
        for body in ("one", "two", "three"):
            say(self.ada, body)
        self.ada.received(), self.old.received()
        assert post(browser("ada"), "delete", seq="2").json() == {"ok": True}

    def test_nothing_is_left_but_the_number(self) -> None:
        assert heard(self.ada) == [{"t": "deleted", "seq": 2}] and self.old.received() == []
        stored = Message.objects.get(seq=2)
        assert (stored.message, stored.handle, stored.person, stored.user, stored.deleted) == ("", "", "", None, True)

    def test_who_comes_later_gets_a_tombstone(self) -> None:
        missed = hello(tab("bob"), last=0)["missed"]
        assert [line.get("body") for line in missed] == ["one", None, "three"]
        assert set(missed[1]) == {"seq", "id", "at", "deleted"} and missed[1]["deleted"] is True

    def test_a_repair_leaves_it_out_for_old_clients(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for rows in (200, 1):
            monkeypatch.setattr(repair, "ROWS", rows)
            told = {}
            for dialect in ("v1", "classic"):
                found, after = [], 0
                while after < 3:
                    some, after = repair._after(f"chat.tea.{dialect}", after)
                    found += some
                told[dialect] = [number for number, _content in found]
            assert told == {"v1": [1, 2, 3], "classic": [1, 3]}

    def test_its_author_may_send_it_again_and_it_stays_deleted(self) -> None:
        self.ada.received()
        say(self.ada, "two")
        frames = heard(self.ada)
        assert frames[-1]["t"] == "ack" and Message.objects.get(seq=2).deleted
        assert all("body" not in frame for frame in frames)

    def test_a_page_shows_that_it_was_there_and_nothing_of_it(self) -> None:
        html = Client().get("/chat/tea/").content.decode()
        assert ">three<" in html and ">two<" not in html and html.count(">This message was deleted.<") == 1
        assert "two" not in Client().get("/chat/tea/transcript.txt").getvalue().decode()

    def test_twice_is_as_once_and_none_is_none(self) -> None:
        ada = browser("ada")
        assert post(ada, "delete", seq="2").json() == {"ok": True}
        for seq in ("4", "0", "-1", "x", "", "9" * 30):
            assert error(post(ada, "delete", seq=seq)) == (404, "no-such")

    def test_the_admin_leaves_tombstones_too(self, admin_client: Client) -> None:
        self.ada.received()
        pk = Message.objects.get(seq=1).pk
        assert admin_client.post(f"/admin/chat/message/{pk}/delete/", {"post": "yes"}).status_code == 302
        action = {"action": "delete_selected", "_selected_action": [Message.objects.get(seq=3).pk], "post": "yes"}
        assert admin_client.post("/admin/chat/message/", action).status_code == 302
        assert heard(self.ada) == [{"t": "deleted", "seq": 1}, {"t": "deleted", "seq": 3}]
        assert Message.objects.filter(deleted=True).count() == 3

    def test_a_fresh_message_still_needs_a_text(self) -> None:
        with pytest.raises(Exception, match="chat_message_not_blank"):
            services.post("tea", Post("ada", ""), identity="c:x")


def test_the_admin_shows_people(admin_client: Client) -> None:
    User.objects.create_user("ada")
    hello(tab("ada"), "ada?")
    for path in ("member", "ban", "room", "message"):
        assert admin_client.get(f"/admin/chat/{path}/").status_code == 200
    room = Room.objects.get()
    ada = tab("ada")
    hello(ada)
    fields = {"name": "Tea room", "label": "tea", "topic": "", "locked": "on"}
    assert admin_client.post(f"/admin/chat/room/{room.pk}/change/", fields).status_code == 302
    assert heard(ada) == [{"t": "room", "name": "Tea room", "topic": "", "locked": True}]
