"""Admission: which of the connections are beyond the bound, and when listening ports rest."""

from __future__ import annotations

import asyncio
import errno
import logging
from typing import Any

import pytest

from switchboard.descriptors import FileLimit
from switchboard.interface import admission
from switchboard.interface.admission import MIN_RESERVE, Admission, is_surplus
from switchboard.testing.waiting import await_until

OTHERS = 20


class Transport:
    """A connection, as Twisted's port makes it."""

    def __init__(self) -> None:
        self.aborted = False

    def abortConnection(self) -> None:
        self.aborted = True

    def connectionLost(self, reason: object) -> None:
        pass


class Port:
    """A listening port with so many clients in its queue."""

    transport: Any = Transport
    connected, disconnecting, reading = True, False, True

    def __init__(self, waiting: int) -> None:
        self.waiting = waiting
        self.numberAccepts = 100
        self.accepted: list[Any] = []

    def doRead(self) -> None:
        for _ in range(min(self.waiting, self.numberAccepts)):
            self.waiting -= 1
            self.accepted.append(self.transport())

    def stopReading(self) -> None:
        self.reading = False

    def startReading(self) -> None:
        self.reading = True


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Admission:
    """For 128 open files, of which `OTHERS` are no connections."""
    monkeypatch.setattr(admission, "count_open_files", lambda: OTHERS)
    return Admission(FileLimit(128, 128, 128))


def listening(gate: Admission, waiting: int = 1000) -> Port:
    port = Port(waiting)
    gate.govern(port)
    return port


def turns(port: Port) -> None:
    """The loop's turns: a port that reads and has clients is asked to accept."""
    for _ in range(1000):
        if not (port.reading and port.waiting):
            return
        port.doRead()
    raise AssertionError("it is asked again and again")


async def test_connections_beyond_the_bound_are_marked_and_others_wait(gate: Admission) -> None:
    port = listening(gate)
    turns(port)
    bound = 128 - OTHERS - MIN_RESERVE
    assert [is_surplus(each) for each in port.accepted] == [False] * bound + [True] * (MIN_RESERVE // 2)
    assert not port.reading and port.waiting


async def test_a_place_that_is_free_is_taken(gate: Admission) -> None:
    port = listening(gate)
    turns(port)
    accepted = len(port.accepted)
    surplus = port.accepted[-1]
    surplus.connectionLost("gone")
    assert port.reading
    turns(port)
    assert len(port.accepted) == accepted + 1 and is_surplus(port.accepted[-1])
    for served in port.accepted[: MIN_RESERVE // 2 + 1]:
        served.connectionLost("gone")
    port.doRead()
    assert not is_surplus(port.accepted[accepted + 1])


async def test_who_is_beyond_the_bound_is_cut_off_in_the_end(gate: Admission, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "SURPLUS_TIMEOUT", 0.01)
    port = listening(gate)
    turns(port)
    left = port.accepted[-1]
    left.connectionLost("gone")
    await await_until(lambda: port.accepted[-2].aborted, "it is cut off")
    assert not left.aborted and not port.accepted[0].aborted


async def test_a_port_rests_where_the_kernel_has_no_descriptor(
    gate: Admission, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def none_left() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    port = listening(gate, waiting=3)
    with monkeypatch.context() as exhausted:
        exhausted.setattr(admission, "check_descriptor_left", none_left)
        turns(port)
        assert not port.reading and port.waiting == 3
    assert caplog.text.count("cannot accept") == 1
    gate.look()
    turns(port)
    assert len(port.accepted) == 3


async def test_a_port_that_is_closed_stays_closed(gate: Admission) -> None:
    port = listening(gate)
    turns(port)
    port.disconnecting = True
    for each in port.accepted:
        each.connectionLost("gone")
    assert not port.reading


async def test_what_is_no_connection_counts_when_the_bound_is_near(
    gate: Admission, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "COUNT_INTERVAL", 0)
    port = listening(gate, waiting=60)
    turns(port)
    before = gate.bound
    monkeypatch.setattr(admission, "count_open_files", lambda: OTHERS + 60 + 10)
    gate.look()
    assert gate.bound == before - 10


async def test_one_that_comes_and_goes_at_the_bound_is_no_news(
    gate: Admission, caplog: pytest.LogCaptureFixture
) -> None:
    port = listening(gate, waiting=gate.bound)
    turns(port)
    for _ in range(10):
        port.waiting = 1
        turns(port)
        port.accepted.pop().connectionLost("gone")
        gate.look()
    assert caplog.text.count("connections are refused") == 1


@pytest.mark.parametrize(("hard", "level"), [(1024, logging.WARNING), (65_536, logging.INFO)])
def test_a_low_limit_is_a_warning_with_both_numbers(caplog: pytest.LogCaptureFixture, hard: int, level: int) -> None:
    with caplog.at_level(logging.INFO):
        Admission(FileLimit(256, hard, hard))
    [record] = caplog.records
    assert record.levelno == level
    assert f"soft limit 256, hard limit {hard}" in record.getMessage()


async def test_below_tls_it_is_the_same_connection(gate: Admission) -> None:
    class Encrypted:
        def __init__(self, transport: Any) -> None:
            self.transport = transport

    port = listening(gate)
    turns(port)
    assert [is_surplus(Encrypted(each)) for each in (port.accepted[0], port.accepted[-1])] == [False, True]
    await asyncio.sleep(0)
