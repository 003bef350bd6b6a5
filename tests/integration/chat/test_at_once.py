"""Many writers and readers at once, each with a connection of its own: threads on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import close_old_connections, connection, connections, transaction

from chat import broadcast, people, presence, services
from chat.dialects import DIALECTS
from chat.identity import Who
from chat.models import Connection, Member, Message, Room
from chat.protocol import Post
from tests.integration.chat.conftest import Heard

HI = Post("ada", "hi")

pytestmark = pytest.mark.django_db(transaction=True)


def in_threads(count: int, work: Callable[[int], None]) -> list[BaseException]:
    """Run ``work(0) … work(count - 1)`` at once, each with a connection of its own; what they raised."""
    errors: list[BaseException] = []
    start = threading.Barrier(count)

    def run(n: int) -> None:
        try:
            start.wait(10)
            work(n)
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return errors


@pytest.fixture(autouse=True)
def _separate_connections() -> None:
    close_old_connections()
    if connection.vendor == "sqlite" and connection.is_in_memory_db():  # type: ignore[attr-defined]
        pytest.fail("threads need a database of their own connections: set TEST NAME to a file")


def test_writers_of_one_room_get_numbers_without_holes(heard: Heard) -> None:
    def write(n: int) -> None:
        for m in range(10):
            services.post("tea", Post(f"w{n}", f"{n}.{m}"), identity=f"c:{n}.{m}")

    assert in_threads(6, write) == []
    assert Room.objects.get().last_seq == 60
    assert list(Message.objects.values_list("seq", flat=True)) == list(range(1, 61))
    for n in range(6):
        mine = Message.objects.filter(handle=f"w{n}").order_by("seq").values_list("message", flat=True)
        assert list(mine) == [f"{n}.{m}" for m in range(10)]


def test_one_message_through_many_doors_is_stored_once(heard: Heard) -> None:
    posted: list[services.Posted] = []
    assert in_threads(6, lambda n: posted.append(services.post("tea", HI, identity="c:1"))) == []
    assert Message.objects.count() == 1 and Room.objects.get().last_seq == 1
    assert sorted(p.duplicate for p in posted) == [False] + [True] * 5
    assert set(heard.numbers("chat.tea.v1")) == {1}


def test_one_id_for_several_texts_keeps_the_first_and_says_so_to_the_others(heard: Heard) -> None:
    def write(n: int) -> None:
        services.post("tea", Post("ada", f"text {n}"), identity="c:1")

    errors = in_threads(6, write)
    assert [type(error) for error in errors] == [services.IdentityConflict] * 5
    [stored] = Message.objects.all()
    assert {error.stored for error in errors if isinstance(error, services.IdentityConflict)} == {stored}
    assert Room.objects.get().last_seq == 1


def test_two_tabs_that_send_the_same_unsent_texts_keep_their_order(heard: Heard) -> None:
    """Each sends all of them in order, as a browser's tabs do after a reconnect."""

    def send_all(n: int) -> None:
        for m in range(12):
            services.post("tea", Post("ada", f"line {m}"), identity=f"c:{m}")

    assert in_threads(4, send_all) == []
    stored = Message.objects.order_by("seq").values_list("message", flat=True)
    assert list(stored) == [f"line {m}" for m in range(12)]


def test_who_reads_while_others_write_never_sees_a_hole(heard: Heard) -> None:
    """The order of the numbers is the order of the commits, or a reader would miss one before the last."""
    services.ensure_room("tea")
    writers, lines = 3, 15
    seen: list[int] = []
    holes: list[list[int]] = []

    def work(n: int) -> None:
        if n < writers:
            for m in range(lines):
                services.post("tea", Post(f"w{n}", f"{n}.{m}"), identity=f"c:{n}.{m}")
            return
        last = 0
        while last < writers * lines:
            page = services.after("tea", last, limit=7)
            numbers = [message.seq for message in page.messages]
            if numbers != list(range(last + 1, page.seq + 1)):
                holes.append(numbers)
                return
            seen.extend(numbers)
            last = page.seq

    assert in_threads(writers + 1, work) == []
    assert holes == []
    assert seen == list(range(1, writers * lines + 1))


def test_writers_of_several_rooms_do_not_wait_for_each_other_for_ever(heard: Heard) -> None:
    def write(n: int) -> None:
        for m in range(10):
            services.post(f"room-{(n + m) % 3}", Post("ada", "hi"), identity=f"c:{n}.{m}")

    assert in_threads(6, write) == []
    assert sum(Room.objects.values_list("last_seq", flat=True)) == Message.objects.count() == 60


def test_a_room_is_made_once() -> None:
    made: list[Room] = []
    assert in_threads(6, lambda n: made.append(services.ensure_room("tea"))) == []
    assert len({room.pk for room in made}) == 1


def test_dialects_that_are_learned_at_once_are_all_known() -> None:
    room = services.ensure_room("tea")
    dialects = list(DIALECTS.values())

    def learn(n: int) -> None:
        with transaction.atomic():
            broadcast.learn(Room.objects.get(pk=room.pk), dialects[n])

    assert in_threads(len(dialects), learn) == []
    room.refresh_from_db()
    assert sorted(room.dialects.split()) == sorted(DIALECTS)


def test_a_connect_that_two_workers_handle_is_one_row() -> None:
    room = services.ensure_room("tea")
    who = Who(("c:interface.a!1",))
    assert in_threads(4, lambda n: presence.arrive(people.enter(room, who), "interface.a!1")) == []
    assert Connection.objects.count() == 1 == Member.objects.count()
