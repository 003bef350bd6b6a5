"""Storing a message once and telling the room, with a real database."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from chat import broadcast, services
from chat.dialects import DIALECTS
from chat.models import Message, Room
from chat.protocol import Post
from tests.integration.chat.conftest import Heard

HI = Post("ada", "hi")


def spoken(dialect: str) -> None:
    with transaction.atomic():
        broadcast.learn(services.ensure_room("tea"), DIALECTS[dialect])


@pytest.mark.django_db(transaction=True)
class TestPost:
    def test_it_is_stored_and_heard_in_every_dialect(self, heard: Heard) -> None:
        room = services.ensure_room("tea")
        with transaction.atomic():
            for dialect in DIALECTS.values():
                broadcast.learn(room, dialect)
        posted = services.post("tea", HI, identity="c:1")
        assert not posted.duplicate
        stored = Message.objects.get()
        assert (stored.room.label, stored.seq, stored.handle, stored.message) == ("tea", 1, "ada", "hi")
        assert {name for name, _ in heard.sent} == {f"chat.tea.{name}" for name in DIALECTS}
        [frame] = heard.of("chat.tea.v1")
        assert (frame["seq"], frame["cid"], frame["body"]) == (1, "1", "hi")
        assert heard.numbers("chat.tea.v1") == heard.numbers("chat.tea.classic") == [1]

    def test_it_is_heard_in_the_dialects_that_somebody_speaks_there(self, heard: Heard) -> None:
        spoken("classic")
        services.post("tea", HI, identity="c:1")
        assert {name for name, _ in heard.sent} == {"chat.tea.classic", "chat.tea.v1"}

    def test_a_room_that_a_worker_of_an_older_release_made_is_told_in_all(self, heard: Heard) -> None:
        services.ensure_room("tea")
        Room.objects.update(dialects="")
        spoken("classic")
        services.post("tea", HI, identity="c:1")
        assert {name for name, _ in heard.sent} == {f"chat.tea.{name}" for name in DIALECTS}

    def test_nobody_hears_what_was_rolled_back(self, heard: Heard) -> None:
        with transaction.atomic():
            services.post("tea", HI, identity="c:1")
            assert heard.sent == []
            transaction.set_rollback(True)
        assert heard.sent == [] and not Message.objects.exists()

    def test_a_duplicate_is_stored_once_and_heard_again_from_its_row(self, heard: Heard) -> None:
        first = services.post("tea", HI, identity="c:1")
        services.post("tea", Post("bob", "yes"), identity="c:2")
        again = services.post("tea", Post("renamed", "hi"), identity="c:1")
        assert again.duplicate and again.message == first.message
        assert [frame["seq"] for frame in heard.of("chat.tea.v1")] == [1, 2, 1]
        assert heard.of("chat.tea.v1")[0] == heard.of("chat.tea.v1")[2]
        assert Room.objects.get().last_seq == 2

    def test_the_same_identity_with_another_text_is_an_error(self, heard: Heard) -> None:
        services.post("tea", HI, identity="c:1")
        with pytest.raises(services.IdentityConflict) as caught:
            services.post("tea", Post("ada", "ho"), identity="c:1")
        assert caught.value.stored.message == "hi"
        assert len(heard.of("chat.tea.v1")) == 1

    def test_the_same_identity_in_another_room_is_another_message(self, heard: Heard) -> None:
        services.post("tea", HI, identity="c:1")
        assert not services.post("cake", HI, identity="c:1").duplicate

    def test_no_number_is_lost_to_a_duplicate_or_a_failure(self, heard: Heard) -> None:
        services.post("tea", HI, identity="c:1")
        services.post("tea", HI, identity="c:1")
        with pytest.raises(IntegrityError):
            services.post("tea", Post("ada", ""), identity="c:2")
        assert services.post("tea", HI, identity="c:3").message.seq == 2

    def test_who_is_logged_in_is_named(self, heard: Heard) -> None:
        ada = User.objects.create_user("ada")
        services.post("tea", HI, identity="c:1", user=ada)
        assert heard.of("chat.tea.v1")[0]["user"] == "ada"
        ada.delete()
        assert "user" not in json.loads(DIALECTS["v1"].line(services.recent("tea")[0].as_line()) or "")

    def test_a_broken_wire_does_not_undo_a_stored_message(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def cut(name: str) -> Heard.Group:
            raise ConnectionError

        monkeypatch.setattr(broadcast, "Group", cut)
        assert services.post("tea", HI, identity="c:1").message.seq == 1


@pytest.mark.django_db(transaction=True)
class TestOtherDoors:
    def test_a_row_made_anywhere_is_numbered_and_heard_once(self, heard: Heard) -> None:
        room = Room.objects.create(label="tea")
        services.post("tea", HI, identity="c:1")
        made = Message.objects.create(room=room, handle="bot", message="from the shell")
        assert made.seq == 2 and made.identity
        assert [frame["seq"] for frame in heard.of("chat.tea.v1")] == [1, 2]
        assert "cid" not in heard.of("chat.tea.v1")[1]

    def test_an_edit_is_not_a_new_message(self, heard: Heard) -> None:
        stored = services.post("tea", HI, identity="c:1").message
        stored.message = "ho"
        stored.save()
        assert len(heard.of("chat.tea.v1")) == 1 and Message.objects.get().seq == 1

    def test_constraints(self) -> None:
        room = Room.objects.create(label="tea")
        Message.objects.create(room=room, handle="a", message="b", seq=1, identity="c:1")
        for wrong in (
            {"seq": 1, "identity": "c:2"},
            {"seq": 2, "identity": "c:1"},
            {"seq": 0, "identity": "c:3"},
            {"seq": 3, "identity": "c:4", "handle": ""},
            {"seq": 4, "identity": "c:5", "message": ""},
        ):
            with pytest.raises(IntegrityError):
                Message.objects.create(**{"room": room, "handle": "a", "message": "b", **wrong})
        with pytest.raises(IntegrityError):
            Room.objects.create(label="new")

    def test_forms_meet_the_same_limits(self) -> None:
        room = Room.objects.create(label="tea")
        for wrong in ({"handle": "x" * 33}, {"message": "x" * 2_001}, {"message": " "}, {"handle": "\u200b"}):
            message = Message(**{"room": room, "handle": "a", "message": "b", **wrong})
            with pytest.raises(ValidationError):
                message.full_clean(exclude=["seq", "identity"])
        for label in ("new", "two words", "tea\n"):
            with pytest.raises(ValidationError):
                Room(label=label).full_clean()


@pytest.mark.django_db
class TestMissed:
    @pytest.fixture(autouse=True)
    def _room(self) -> None:
        room = Room.objects.create(label="tea")
        for n in range(1, 61):
            Message.objects.create(room=room, handle="ada", message=f"m{n}")

    def seqs(self, missed: services.Missed) -> list[int]:
        return [message.seq for message in missed.messages]

    def test_what_came_after_the_last_seen(self) -> None:
        missed = services.missed("tea", 57)
        assert (missed.seq, self.seqs(missed), missed.reset) == (60, [58, 59, 60], False)
        assert self.seqs(services.missed("tea", 60)) == []
        assert len(services.missed("tea", 0).messages) == 60

    def test_a_newcomer_gets_the_recent_ones(self) -> None:
        missed = services.missed("tea", None)
        assert (self.seqs(missed), missed.reset) == (list(range(11, 61)), False)
        assert [message.seq for message in services.recent("tea")] == list(range(11, 61))

    def test_too_much_is_marked_as_a_reset(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(services, "MISSED_LIMIT", 55)
        assert services.missed("tea", 4).reset
        assert not services.missed("tea", 5).reset
        missed = services.missed("tea", 2)
        assert (self.seqs(missed), missed.reset) == (list(range(11, 61)), True)

    def test_too_many_bytes_are_marked_as_a_reset(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(services, "MISSED_BYTES", 3 * (32 + 3))
        assert not services.missed("tea", 57).reset
        missed = services.missed("tea", 56)
        assert (self.seqs(missed), missed.reset) == ([58, 59, 60], True)

    def test_a_number_of_another_past_is_a_reset(self) -> None:
        assert services.missed("tea", 61).reset
        assert services.missed("cake", 3) == services.Missed(0, [], reset=True)
        assert services.missed("cake", None) == services.Missed(0, [], reset=False)

    def test_a_deleted_message_is_no_gap(self) -> None:
        Message.objects.get(seq=59).delete()
        missed = services.missed("tea", 57)
        assert (missed.seq, self.seqs(missed), missed.reset) == (60, [58, 60], False)
