"""Who is here, under which handle, and who is told of it."""

from __future__ import annotations

import json
import time

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries, Settings

from chat import claims, company, identity, people, services
from chat.handles import BadHandle
from chat.identity import Who
from chat.models import Account, Allowance, Connection, Member, Room
from switchboard.testing.client import WSClient
from tests.integration.chat.conftest import visitor
from tests.integration.chat.sockets import classic, heard, hello, say, send, tab, v1

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_layer")]


class TestComingAndGoing:
    def test_others_are_told_of_who_comes_and_leaves(self) -> None:
        ada, bob = tab("ada"), tab("bob")
        hello(ada, "ada")
        welcome = hello(bob, "bob")
        assert [person["handle"] for person in welcome["people"]] == ["ada", "bob"] and welcome["count"] == 2
        bobs = welcome["you"]["person"]
        assert heard(ada) == [{"t": "person", "person": bobs, "handle": "bob", "here": True}]
        bob.disconnect()
        assert heard(ada) == [{"t": "person", "person": bobs, "handle": "bob", "here": False}]
        assert hello(ada)["count"] == 1

    def test_all_tabs_are_one_person(self) -> None:
        watcher = tab("watcher")
        hello(watcher)
        tabs = [tab("ada") for _ in range(3)]
        assert len({json.dumps(hello(one, "ada")["you"]) for one in tabs}) == 1
        for one in tabs[:2]:
            one.disconnect()
        [came] = heard(watcher)
        assert (came["handle"], came["here"]) == ("ada", True)
        tabs[2].disconnect()
        assert [frame["here"] for frame in heard(watcher)] == [False]
        assert Connection.objects.count() == 1

    def test_a_late_disconnect_of_a_lost_socket_says_nothing(self) -> None:
        watcher, lost = tab("watcher"), tab("ada")
        hello(watcher), hello(lost, "ada")
        back = tab("ada")
        assert hello(back, "ada")["you"]["handle"] == "ada"  # not taken by one's own ghost
        heard(watcher)
        lost.disconnect(1006)
        assert heard(watcher) == []

    def test_readers_have_no_handle(self) -> None:
        ada, reader = tab("ada"), tab("reader")
        hello(ada, "ada")
        welcome = hello(reader)
        assert welcome["you"]["handle"] is None and welcome["count"] == 2
        assert [person["handle"] for person in welcome["people"]] == ["ada", None]
        assert [(frame["handle"], frame["here"]) for frame in heard(ada)] == [(None, True)]

    def test_old_clients_are_here_too(self) -> None:
        ada = tab("ada")
        hello(ada)
        old = classic()
        send(old, handle="bob", message="hi")
        assert [frame.get("handle") for frame in heard(ada) if frame["t"] == "person"] == [None, "bob"]
        assert [set(frame) for frame in heard(old)] == [{"handle", "message", "timestamp"}]
        assert [person["handle"] for person in hello(tab("cy"))["people"]] == ["bob", None, None]

    def test_a_message_names_its_author(self) -> None:
        ada = tab("ada")
        you = hello(ada, "ada")["you"]
        say(ada, "hi")
        [said] = [frame for frame in heard(ada) if frame["t"] == "msg"]
        assert (said["handle"], said["person"]) == ("ada", you["person"])

    def test_somebody_is_another_one_in_another_room(self) -> None:
        ids = {hello(tab("ada", f"/chat/{label}/"))["you"]["person"] for label in ("tea", "cake")}
        assert len(ids) == 2
        stored = " ".join(Member.objects.values_list("person", flat=True))
        assert all(len(one) == 16 for one in ids) and "ada" not in stored

    def test_a_forged_cookie_is_nobodys(self) -> None:
        stranger = v1(headers=[(b"cookie", f"{identity.COOKIE}=ada:forged".encode())])
        assert hello(stranger)["you"]["person"] != hello(tab("ada"))["you"]["person"]
        assert Member.objects.filter(passing=True).count() == 1

    def test_whose_room_was_deleted_is_told_so(self) -> None:
        ada = tab("ada")
        Room.objects.all().delete()
        ada.received()
        say(ada, "hi")
        assert heard(ada) == [{"close": 4410}] and not Room.objects.exists()

    def test_a_socket_from_before_there_were_members_goes_on(self) -> None:
        client = v1()
        Member.objects.all().update(here=False)
        Connection.objects.update(member=None)
        Member.objects.all().delete()
        say(client, "hi", handle="ada")
        assert [frame["t"] for frame in heard(client)] == ["you", "msg", "ack"]
        Connection.objects.update(member=None)
        client.disconnect()
        assert not Connection.objects.exists()


class TestCrowds:
    @pytest.fixture(autouse=True)
    def _small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(people, "CROWD", 3)

    def test_a_crowd_is_told_a_count_now_and_then(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(company, "_counted", {})
        first = tab("p0")
        for n in range(8):
            other = first if n == 0 else tab(f"p{n}")
            welcome = hello(other, f"p{n}")
        assert welcome["count"] == 8 and len(welcome["people"]) == 3
        told = heard(first)
        assert [frame["t"] for frame in told] == ["person", "person", "people"]
        assert told[-1]["count"] == 4  # the next are within five seconds
        monkeypatch.setattr(company, "COUNT_EVERY", 0.0)
        Room.objects.get().members.filter(handle="p5").update(here=True)
        Allowance.objects.all().delete()
        company._counted.clear()
        other.disconnect()
        assert heard(first) == [{"t": "people", "count": 7}]

    def test_a_connect_and_a_hello_take_as_many_queries_in_a_crowd_as_in_a_pair(self) -> None:
        def queries(n: int) -> tuple[int, int]:
            client = WSClient("/chat/tea/", subprotocols=("switchboard.v1",), headers=visitor(f"p{n}"))
            with CaptureQueriesContext(connection) as connecting:
                client.connect()
            with CaptureQueriesContext(connection) as greeting:
                hello(client, f"p{n}")
            return len(connecting), len(greeting)

        tab("maker")
        pair = queries(1)
        room = Room.objects.get()
        rows = [Member(room=room, person=f"x{n}", handle=f"x{n}", handle_key=f"x{n}", here=True) for n in range(50)]
        Member.objects.bulk_create(rows)
        Allowance.objects.create(key=f"count:{room.pk}", full_at=2e10)
        crowd = queries(2)
        assert (crowd[0], crowd[1] - 3) == pair  # is it time for a count? BEGIN, SELECT, COMMIT
        assert pair[0] <= 11 and pair[1] <= 18, pair


class TestHandles:
    def test_two_cannot_have_the_same(self) -> None:
        ada, other = tab("ada"), tab("other")
        assert hello(ada, "Ada")["you"]["handle"] == "Ada"
        given = hello(other, "ａda")["you"]["handle"]
        assert given not in ("Ada", "ada", None) and " " in given  # a friendly one
        for taken in ("ada", "ADA", "Ada"):
            send(other, t="handle", handle=taken)
        assert [(frame["t"], frame["code"]) for frame in heard(other)] == [("nack", "taken")] * 3
        ada.disconnect()
        send(other, t="handle", handle="ada")
        assert [frame["handle"] for frame in heard(other) if frame["t"] == "you"] == ["ada"]

    def test_a_change_reaches_all_tabs_and_all_others(self) -> None:
        here, there, bob = tab("ada"), tab("ada"), tab("bob")
        hello(here, "ada"), hello(there), hello(bob, "bob")
        heard(here), heard(there)
        send(here, t="handle", handle="Countess")
        [you] = [frame for frame in heard(there) if frame["t"] == "you"]
        assert you == {"t": "you", "person": you["person"], "handle": "Countess", "keys": True}  # she made the room
        assert heard(bob) == [{"t": "person", "person": you["person"], "handle": "Countess", "here": True}]
        say(there, "hi")
        assert [frame["handle"] for frame in heard(bob)] == ["Countess"]

    def test_the_same_again_is_told_to_nobody_else(self) -> None:
        ada, bob = tab("ada"), tab("bob")
        hello(ada, "ada"), hello(bob, "bob")
        heard(bob)
        send(ada, t="handle", handle="ada")
        assert [frame["t"] for frame in heard(ada)][-1] == "you" and heard(bob) == []

    def test_a_message_may_claim_one_and_is_not_stored_if_it_cannot(self) -> None:
        ada, bob = tab("ada"), tab("bob")
        hello(ada, "ada"), hello(bob)
        say(bob, "one")
        say(bob, "two", handle="ada")
        say(bob, "three", handle="admin")
        say(bob, "four", handle="bob")
        nacks = [(frame["cid"], frame["code"]) for frame in heard(bob) if frame["t"] == "nack"]
        assert nacks == [("c-one", "blank-handle"), ("c-two", "taken"), ("c-three", "reserved")]
        assert [(m.handle, m.message) for m in services.recent("tea")] == [("bob", "four")]

    def test_a_stored_message_is_acknowledged_whatever_it_calls_its_author(self) -> None:
        bob = tab("bob")
        hello(bob, "bob")
        say(bob, "hi")
        send(bob, t="handle", handle="robert")
        ada = tab("ada")
        assert hello(ada, "bob")["you"]["handle"] == "bob"
        heard(bob)
        say(bob, "hi", handle="bob")
        assert [frame["t"] for frame in heard(bob)] == ["msg", "ack"]

    def test_it_is_remembered_for_the_next_visit(self) -> None:
        ada = tab("ada")
        hello(ada, "ada")
        ada.disconnect()
        assert hello(tab("ada"))["you"]["handle"] == "ada"

    def test_who_comes_back_to_find_it_taken_has_none(self) -> None:
        ada = tab("ada")
        hello(ada, "ada")
        ada.disconnect()
        hello(tab("other"), "ADA")
        assert hello(tab("ada"))["you"]["handle"] is None

    def test_programs_use_handles_and_do_not_own_them(self) -> None:
        one, two = v1(), v1()
        for program in (one, two):
            assert hello(program, "bot 7")["you"]["handle"] == "bot 7"
        ada = tab("ada")
        assert hello(ada, "bot 7")["you"]["handle"] != "bot 7"  # somebody here goes by it
        hello(tab("bob"), "bob")
        send(one, t="handle", handle="bob")
        assert heard(one)[-1]["code"] == "taken"

    def test_an_old_client_gets_another_one(self) -> None:
        hello(tab("ada"), "ada")
        User.objects.create_user("grace")
        old = classic()
        for name in ("ada", "ADA", "grace", "Admin", "cy"):
            send(old, handle=name, message="hi")
        assert [frame["handle"] for frame in heard(old)] == ["ada (2)", "ADA (2)", "grace (2)", "anonymous", "cy"]
        other = classic()
        send(other, handle="cy", message="hi")
        assert [frame["handle"] for frame in heard(other)] == ["cy"]

    def test_reserved_by_the_operator(self, settings: Settings) -> None:
        settings.CHAT_RESERVED_HANDLES = ["Acme Support"]
        ada = tab("ada")
        send(ada, t="handle", handle="ACME  support")
        assert heard(ada)[-1]["code"] == "reserved"

    @pytest.mark.parametrize("bad", [None, 5, "\u202eada", "x" * 33, " ", "a" + "\u0334" * 9])
    def test_what_is_no_handle(self, bad: object) -> None:
        ada = tab("ada")
        send(ada, t="handle", handle=bad)
        [nack] = heard(ada)
        assert nack["t"] == "nack" and nack["code"].endswith("-handle") and "cid" not in nack
        if isinstance(bad, str):
            assert hello(ada, bad)["you"]["handle"] not in (None, bad)

    def test_two_at_once_cannot_both_get_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The table says so, whatever the code has seen before."""
        room = services.ensure_room("tea")
        members = [people.enter(room, Who((f"b:{n}",))) for n in range(2)]
        for member in members:
            people.show(member)
        claims.claim(members[0], "ada")
        monkeypatch.setattr(claims.Held, "by_another", lambda self, member, key: False)
        with pytest.raises(BadHandle) as caught:
            claims.claim(members[1], "Ada")
        assert caught.value.code == "taken"


class TestAccounts:
    def test_their_handles_are_theirs(self) -> None:
        ada = User.objects.create_user("ada")
        stranger = tab("stranger")
        send(stranger, t="handle", handle="ADA")
        assert heard(stranger)[-1]["code"] == "reserved"
        client = tab("ada's", user=ada)
        welcome = hello(client)
        assert (welcome["you"]["handle"], welcome["you"]["user"]) == ("ada", "ada")
        assert [frame for frame in heard(stranger) if frame.get("user") == "ada"]
        User.objects.filter(pk=ada.pk).first().delete()  # type: ignore[union-attr]
        send(stranger, t="handle", handle="ADA")
        assert heard(stranger)[-1]["t"] == "you"

    def test_a_renamed_account_has_another(self) -> None:
        ada = User.objects.create_user("ada")
        ada.username = "countess"
        ada.save()
        assert list(Account.objects.values_list("handle_key", flat=True)) == ["countess"]

    def test_who_logs_in_keeps_keys_and_mute(self) -> None:
        ada = User.objects.create_user("ada")
        assert hello(tab("browser"))["you"]["keys"] is True
        Member.objects.update(muted=True)
        client = v1(headers=[(b"cookie", cookies_of("browser", ada))])
        you = hello(client)["you"]
        assert (you["user"], you["keys"]) == ("ada", True)
        say(client, "hi")
        assert heard(client)[-1]["code"] == "muted"


def cookies_of(browser: str, user: User) -> bytes:
    [(_name, session)] = [(n, v) for n, v in WSClient("/", user=user)._headers]
    [(_name, own)] = visitor(browser)
    return b"; ".join([bytes(session), own])


class TestTyping:
    def test_others_are_told_not_too_often_and_without_a_query(
        self, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        now = [1_000.0]
        monkeypatch.setattr(time, "time", lambda: now[0])
        ada, bob = tab("ada"), tab("bob")
        person = hello(ada, "ada")["you"]["person"]
        hello(bob, "bob")
        with django_assert_num_queries(0):
            for _ in range(5):
                send(ada, t="typing")
                now[0] += 1.0
        typing = {"t": "typing", "person": person, "handle": "ada"}
        assert [frame for frame in heard(bob) if frame["t"] == "typing"] == [typing, typing]
        assert not [frame for frame in heard(ada) if frame["t"] == "nack"]

    def test_nobody_without_a_handle_types(self) -> None:
        ada, reader = tab("ada"), tab("reader")
        hello(ada, "ada"), hello(reader)
        heard(ada)
        send(reader, t="typing")
        assert heard(ada) == []
