"""Who is here, and who is told of it."""

from __future__ import annotations

import json
import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from chat import company, greeting, identity, people
from chat.models import Allowance, Connection, Member, Room
from chat.protocol import Hello
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
        cookie = "someone-in-particular"  # no part of it can come up in sixteen hexadecimal digits by chance
        ids = {hello(tab(cookie, f"/chat/{label}/"))["you"]["person"] for label in ("tea", "cake")}
        assert len(ids) == 2
        stored = " ".join(Member.objects.values_list("person", flat=True))
        assert all(len(one) == 16 for one in ids) and "some" not in stored

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

    def test_who_has_a_handle_and_comes_with_two_tabs_at_once_keeps_it(self) -> None:
        """By the first tab they are here; what the second one remembers would be a change of their handle."""
        room = Room.objects.create(label="tea")
        member = Member.objects.create(room=room, person="b:ada", handle="ada", handle_key="ada")
        first, second = greeting.greet_all([(member, Hello()), (member, Hello(handle="eve"))])
        member.refresh_from_db()
        assert member.here and member.handle == "ada"
        assert (first.came, second.came, second.renamed) == (True, False, False)


class TestCrowds:
    @pytest.fixture(autouse=True)
    def _small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(people, "CROWD", 3)
        monkeypatch.setattr(company, "_counted", {})

    def test_a_crowd_is_told_a_count_now_and_then(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # Four people may need more than five seconds to come, where the machine is busy.
        monkeypatch.setattr(company, "COUNT_EVERY", 3_600.0)
        first = tab("p0")
        for n in range(8):
            other = first if n == 0 else tab(f"p{n}")
            welcome = hello(other, f"p{n}")
        assert welcome["count"] == 8 and len(welcome["people"]) == 3
        told = heard(first)
        assert [frame["t"] for frame in told] == ["person", "person", "people"]
        assert told[-1]["count"] == 4  # the next are within the hour
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
