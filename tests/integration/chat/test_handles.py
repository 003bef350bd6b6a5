"""Under which handle somebody is here: whose it is, who may have it, and what an account has of its own."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from chat import claims, people, services
from chat.handles import BadHandle
from chat.identity import Who
from chat.models import Account, Member
from switchboard.testing.client import WSClient
from tests.integration.chat.conftest import visitor
from tests.integration.chat.sockets import classic, heard, hello, say, send, tab, v1

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_layer")]


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
