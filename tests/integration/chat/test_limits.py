"""How often somebody may do something, whoever counts."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from django.db import connections, transaction
from pytest_django import DjangoAssertNumQueries, Settings

from chat import limits, services, storing
from chat.admission import NotAdmitted, Speaker
from chat.limits import Bucket, Rate, Want
from chat.models import Allowance, Message, Room
from chat.protocol import Post
from chat.storing import Knock
from switchboard.testing.client import WSClient

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_layer")]

EIGHT = Rate(8, 1.0)
NOW = 1_000_000.0


def spend(*wants: Want, now: float = NOW) -> list[float]:
    with transaction.atomic():
        return limits.spend(wants, now)


def want(*keys: str, rate: Rate = EIGHT) -> Want:
    return Want(tuple(Bucket(key, rate) for key in keys))


@pytest.fixture(autouse=True)
def _swept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is swept by chance."""
    monkeypatch.setattr(limits, "_swept_at", 2 * NOW * 1_000)


class TestRates:
    @pytest.mark.parametrize(
        ("text", "rate"),
        [
            ("8, 1/s", Rate(8, 1.0)),
            ("10/h", Rate(10, 360.0)),
            ("60/m", Rate(60, 1.0)),
            ("24,3/s", Rate(24, 1 / 3)),
            ("off", None),
            ("0", None),
            ("", None),
        ],
    )
    def test_they_are_read(self, text: str, rate: Rate | None) -> None:
        assert Rate.parse(text) == rate

    @pytest.mark.parametrize("text", ["8", "0/s", "0, 1/s", "1/w", "-1/s", "1/s 8", "many"])
    def test_others_are_errors(self, text: str) -> None:
        with pytest.raises(ValueError, match="no rate"):
            Rate.parse(text)


class TestBuckets:
    def test_a_burst_then_one_a_second(self) -> None:
        assert spend(*[want("a")] * 8) == [0.0] * 8
        assert spend(want("a")) == [pytest.approx(1.0)]
        assert spend(want("a"), now=NOW + 0.4) == [pytest.approx(0.6)]
        assert spend(want("a"), want("a"), now=NOW + 1.0) == [0.0, pytest.approx(1.0)]
        assert spend(*[want("a")] * 9, now=NOW + 100) == [0.0] * 8 + [pytest.approx(1.0)]

    def test_who_waits_as_told_is_let_in(self) -> None:
        spend(*[want("a")] * 8)
        now = NOW
        for _ in range(20):
            [wait] = spend(want("a"), now=now)
            assert wait > 0 and spend(want("a"), now=now + wait) == [0.0]
            now += wait

    def test_all_buckets_or_none(self) -> None:
        spend(*[want("address")] * 7)
        assert spend(want("ada", "address"), want("bob", "address")) == [0.0, pytest.approx(1.0)]
        assert set(Allowance.objects.values_list("key", flat=True)) == {"address", "ada"}
        assert spend(*[want("bob")] * 8) == [0.0] * 8

    def test_what_is_rolled_back_was_not_spent(self) -> None:
        with transaction.atomic():
            limits.spend([want("a")] * 8, NOW)
            transaction.set_rollback(True)
        assert spend(want("a")) == [0.0]

    def test_a_mark_makes_the_same_again_free(self) -> None:
        def room(label: str) -> Want:
            return Want((Bucket("address", Rate(2, 30.0)),), mark=Bucket(label, Rate(1, 60.0)))

        assert spend(room("a"), room("a"), room("b"), room("b"), room("a")) == [0.0] * 5
        assert spend(room("c")) == [pytest.approx(30.0)]
        assert spend(room("c"), now=NOW + 30) == [0.0]
        assert spend(room("a"), now=NOW + 59) == [0.0]
        assert spend(room("a"), now=NOW + 60) == [0.0] and spend(room("d"), now=NOW + 60) != [0.0]

    def test_a_batch_takes_two_queries_however_large(self, django_assert_num_queries: DjangoAssertNumQueries) -> None:
        with transaction.atomic():
            for size in (1, 2, 500):
                with django_assert_num_queries(2):
                    limits.spend([want(f"{size}.{n}", f"address {n % 7}") for n in range(size)], NOW + size)
            with django_assert_num_queries(1):  # nothing granted, nothing written
                limits.spend([want("address 0")] * 3, NOW + 500)
            with django_assert_num_queries(0):
                limits.spend([limits.NOTHING] * 10, NOW)

    def test_old_rows_go_a_few_at_a_time(self) -> None:
        spend(*[want(str(n)) for n in range(30)])
        spend(want("new"), now=NOW + 50)
        assert limits.sweep(NOW + 50, limit=20) == 20
        assert limits.sweep(NOW + 50, limit=20) == 10
        assert [row.key for row in Allowance.objects.all()] == ["new"]

    def test_they_go_by_themselves(self, monkeypatch: pytest.MonkeyPatch) -> None:
        spend(*[want(str(n)) for n in range(30)])
        monkeypatch.setattr(limits, "_swept_at", 0.0)
        spend(want("new"), now=NOW + 50)
        assert Allowance.objects.count() == 1

    def test_nothing_of_an_address_can_be_read(self, settings: Settings) -> None:
        settings.CHAT_LIMITS = dict.fromkeys(limits.NAMES, "10/h")
        spend(limits.message("b:secret", "203.0.113.7"), limits.room_opened("harbour-lights", "203.0.113.7"))
        assert Allowance.objects.count() == 4
        stored = " ".join(Allowance.objects.values_list("key", flat=True))
        assert not any(word in stored for word in ("secret", "203.0.113", "harbour"))

    def test_many_at_once_get_no_more_than_there_is(self) -> None:
        spend(want("a"))  # the row is there; of two who make it at once both may get a token
        granted: list[float] = []

        def take() -> None:
            for _ in range(5):
                granted.extend(spend(want("a")))
            connections.close_all()

        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(granted) == 20 and granted.count(0.0) == 7


# -- at the door


@pytest.fixture
def _limited(settings: Settings) -> None:
    settings.CHAT_LIMITS = {"MESSAGES": "3, 1/h", "ADDRESS_MESSAGES": "5, 1/h"}


def post(cid: str, who: str = "b:ada", body: str = "hi", address: str = "203.0.113.7") -> services.Posted:
    speaker = Speaker("p1", want=limits.message(who, address))
    return services.post("tea", Post("ada", body), identity=f"c:{cid}", by=speaker)


@pytest.mark.usefixtures("_limited")
class TestMessages:
    def test_too_many_of_a_session(self) -> None:
        for n in range(3):
            post(str(n))
        with pytest.raises(NotAdmitted) as caught:
            post("3")
        refusal = caught.value.refusal
        assert (refusal.code, refusal.retry) == ("slow-down", True) and 3_000 < (refusal.wait or 0) <= 3_600
        assert str(refusal.whole_wait) in refusal.text
        assert Room.objects.get().last_seq == Message.objects.count() == 3
        post("4", who="b:bob")

    def test_too_many_of_an_address(self) -> None:
        for n in range(5):
            post(str(n), who=f"b:{n}")
        with pytest.raises(NotAdmitted):
            post("5", who="b:5")
        post("6", who="b:6", address="203.0.113.8")

    def test_a_repetition_is_neither_charged_nor_refused(self) -> None:
        for n in (0, 0, 0, 0, 1, 1, 2):
            post(str(n))
        assert post("0").duplicate and post("2").duplicate
        with pytest.raises(services.IdentityConflict):
            post("0", body="another")
        with pytest.raises(NotAdmitted):
            post("3")

    def test_a_client_is_told_and_an_old_one_is_not(self) -> None:
        v1 = connected(subprotocols=("switchboard.v1",))
        for n in range(4):
            send(v1, t="msg", cid=f"c{n}", handle="ada", body="hi")
        nack = heard(v1)[-1]
        assert (nack["t"], nack["cid"], nack["code"], nack["retry"]) == ("nack", "c3", "slow-down", True)
        assert 3_000 < nack["wait"] <= 3_600
        send(v1, t="msg", cid="c0", handle="ada", body="hi")
        assert heard(v1)[-1]["t"] == "ack"
        old = connected()
        for n in range(4):
            send(old, handle="bob", message=str(n))
        # Two are left for the address.
        assert [frame["message"] for frame in heard(old)] == ["0", "1"]

    def test_nor_can_an_old_one_flood_the_room_with_names(self) -> None:
        watcher = connected(subprotocols=("switchboard.v1",))
        old = connected()
        for n in range(20):
            send(old, handle=f"name {n}", message="hi")
        told = [frame["t"] for frame in heard(watcher)]
        assert told.count("msg") == 2 and told.count("person") == 3  # it came, got a name and another one

    def test_changing_the_handle_counts_as_a_message(self) -> None:
        client = connected(subprotocols=("switchboard.v1",))
        for n in range(5):
            send(client, t="handle", handle=f"ada {n}")
        assert [frame["t"] for frame in heard(client)] == ["you"] * 4 + ["nack"]  # the first is free


class TestRooms:
    def test_new_rooms_of_an_address(self, settings: Settings) -> None:
        settings.CHAT_LIMITS = {"NEW_ROOMS": "2/h"}
        connected("/chat/a/"), connected("/chat/b/"), connected("/chat/b/"), connected("/chat/a/")
        assert WSClient("/chat/c/").connect() == {"accept": True, "close": 4408}
        assert Room.objects.count() == 2

    def test_distinct_rooms_of_an_address(self, settings: Settings) -> None:
        settings.CHAT_LIMITS = {"ROOMS": "2/h"}
        for label in ("a", "b", "c"):
            services.ensure_room(label)
        connected("/chat/a/"), connected("/chat/b/"), connected("/chat/a/")
        turned_away = WSClient("/chat/c/", subprotocols=("switchboard.v1",))
        assert turned_away.connect() == {"accept": True, "close": 4408, "subprotocol": "switchboard.v1"}


def connected(path: str = "/chat/tea/", **options: Any) -> WSClient:
    client = WSClient(path, **options)
    accept = client.connect()
    assert accept is not None and "close" not in accept
    return client


def send(client: WSClient, **frame: object) -> None:
    client.text(json.dumps(frame))


def heard(client: WSClient) -> list[dict[str, Any]]:
    return [json.loads(reply["text"]) for reply in client.received()]


@pytest.mark.usefixtures("_limited")
class TestBatches:
    def test_what_is_too_much_in_a_batch_is_refused_and_the_rest_is_stored(self) -> None:
        speakers = [Speaker(name, want=limits.message(name, "203.0.113.7")) for name in "aaaabc"]
        knocks = [Knock("tea", Post("ada", str(n)), f"c:{n}", by=speaker) for n, speaker in enumerate(speakers)]
        answers = storing.store([*knocks, knocks[0], knocks[3]])
        fate = ["stored" if isinstance(answer, storing.Posted) else "refused" for answer in answers]
        # A burst of three for a person, of five for the address.
        assert fate == ["stored"] * 3 + ["refused"] + ["stored"] * 2 + ["stored", "refused"]
        assert list(Message.objects.values_list("seq", flat=True)) == [1, 2, 3, 4, 5]

    def test_limits_cost_a_batch_two_statements(self, django_assert_num_queries: DjangoAssertNumQueries) -> None:
        def knocks(size: int) -> list[Knock]:
            return [
                Knock(
                    "tea",
                    Post("ada", "hi"),
                    f"c:{size}.{n}",
                    by=Speaker("p", want=limits.message(f"{size}.{n}", f"2001:db8:{size}:{n}::1")),
                )
                for n in range(size)
            ]

        storing.store(knocks(1))
        for size in (2, 40):
            batch = knocks(size)
            # BEGIN, rooms, identities, buckets, buckets, messages, count, COMMIT
            with django_assert_num_queries(8):
                assert all(isinstance(answer, storing.Posted) for answer in storing.store(batch))
