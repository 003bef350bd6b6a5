"""When the collector runs, told by a clock of the test's own."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref

import daphne.server

from switchboard.interface.garbage import LEAST, MAX_RARER, PATIENCE, Garbage
from switchboard.interface.server import Server


class Looks:
    """Counts them, at a time that the test sets."""

    def __init__(self, found_each: float = 50) -> None:
        self.count = 0
        self.now = 0.0
        self.found_each = found_each
        self.closed = 0
        self.garbage = Garbage(self.look, lambda: self.now)

    def look(self) -> int:
        self.count += 1
        closed, self.closed = self.closed, 0
        return int(closed * self.found_each)

    def close(self, number: int, *, still_open: int) -> None:
        self.closed += number
        for _ in range(number):
            self.garbage.closed()
        self.garbage.look(still_open)


def test_after_as_many_have_closed_as_are_open() -> None:
    looks = Looks()
    looks.close(4 * LEAST, still_open=5 * LEAST)
    assert looks.count == 0
    looks.close(LEAST, still_open=5 * LEAST)
    assert looks.count == 1
    looks.close(LEAST, still_open=5 * LEAST)
    assert looks.count == 1, "counting begins again"


def test_a_few_are_not_worth_it() -> None:
    looks = Looks()
    looks.close(LEAST - 1, still_open=0)
    assert looks.count == 0
    looks.close(1, still_open=0)
    assert looks.count == 1


def test_where_closed_connections_leave_nothing_looks_become_rare() -> None:
    looks = Looks(found_each=0.01)
    for rarer in (1, 2, 4, MAX_RARER, MAX_RARER):
        before = looks.count
        looks.close(rarer * LEAST - 1, still_open=0)
        assert looks.count == before
        looks.close(1, still_open=0)
        assert looks.count == before + 1


def test_once_they_leave_something_looks_are_frequent_again() -> None:
    looks = Looks(found_each=0)
    for rarer in (1, 2, 4):
        looks.close(rarer * LEAST, still_open=0)
    looks.found_each = 50
    looks.close(MAX_RARER * LEAST, still_open=0)
    assert looks.count == 4
    looks.close(LEAST, still_open=0)
    assert looks.count == 5


def test_a_few_connections_say_nothing_about_the_others() -> None:
    looks = Looks(found_each=0)
    looks.now = PATIENCE
    looks.close(5, still_open=0)
    assert looks.count == 1
    looks.close(LEAST, still_open=0)
    assert looks.count == 2


def test_whatever_else_there_is_waits_for_so_long() -> None:
    looks = Looks()
    looks.now = PATIENCE - 1
    looks.close(0, still_open=10)
    assert looks.count == 0
    looks.now = PATIENCE
    looks.close(0, still_open=10)
    looks.close(0, still_open=10)
    assert looks.count == 1


def test_a_ring_is_found_and_python_does_not_look_by_itself() -> None:
    """In a process of its own, since it is the collector of the whole process."""
    ended = subprocess.run([sys.executable, "-c", f"from {__name__} import _in_a_process as run; run()"], timeout=60)
    assert ended.returncode == 0


class _Ring:
    def __init__(self) -> None:
        self.me = self


def _in_a_process() -> None:
    """As a server has it, with connections that close, but without a loop, so nothing listens."""
    daphne.server.Server.run = lambda server: setattr(server, "connections", {})
    server = Server(object(), endpoints=["tcp:0:interface=127.0.0.1"])
    server.run()
    ring = _Ring()
    gc.collect(1)  # it is old now
    found = weakref.ref(ring)
    del ring
    before = gc.get_stats()[2]["collections"]
    kept = [[number] for number in range(200_000)]
    assert gc.get_stats()[2]["collections"] == before, kept
    for _ in range(LEAST):
        gone = object()
        server.protocol_connected(gone)
        server.protocol_disconnected(gone)
    assert found() is not None
    server.application_checker()
    assert found() is None
