"""Which clients are closed for reading too slowly, and when: with a clock of the test's own."""

from __future__ import annotations

import pytest

from switchboard.interface.exchange import End, Exchange
from switchboard.interface.slow_readers import Backlog, SlowReaders

KB = 1024


class Client:
    """A connection: ``rate`` bytes a second are read of what is ``written``."""

    def __init__(self, rate: float, *, told: bool = True) -> None:
        self.rate = rate
        self.told = told
        self.written = self.read = 0
        self.aborted = False
        self.backlog: Backlog | None = None

    def unsent(self) -> int:
        return 0 if self.aborted else self.written - self.read

    def acknowledged(self) -> int | None:
        return self.read if self.told else None

    def abort(self) -> None:
        self.aborted = True

    def passes(self, seconds: float) -> None:
        self.read = min(self.read + int(self.rate * seconds), self.written)

    def done(self) -> None:
        assert self.backlog is not None
        self.backlog.requests -= 1

    def write(self, size: int) -> None:
        assert self.backlog is not None
        self.written += size
        self.backlog.record_write(size)


class World:
    def __init__(self, **bounds: int) -> None:
        self.now = 1000.0
        self.clients: list[Client] = []
        self.readers = SlowReaders(
            min_rate=4 * KB, stall_timeout=30.0, clock=lambda: self.now, **{"max_bytes": 1000 * KB, **bounds}
        )

    def client(self, rate: float, *, told: bool = True) -> Client:
        client = Client(rate, told=told)
        client.backlog = self.readers.open(client)
        self.clients.append(client)
        return client

    def passes(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now += 1
            for client in self.clients:
                client.passes(1)
            self.readers.check()


@pytest.fixture
def world() -> World:
    return World()


def closed(world: World) -> list[Client]:
    return [client for client in world.clients if client.aborted]


@pytest.mark.parametrize("told", [True, False])
def test_a_reader_of_nothing_is_closed_after_the_stall_timeout(world: World, told: bool) -> None:
    client = world.client(0, told=told)
    client.write(100)
    world.readers.check()
    world.passes(29)
    assert closed(world) == []
    world.passes(1)
    assert closed(world) == [client]
    assert len(world.readers) == 0


@pytest.mark.parametrize("told", [True, False])
def test_a_slow_reader_may_take_minutes(world: World, told: bool) -> None:
    client = world.client(50 * KB, told=told)
    for _ in range(30):
        client.write(450 * KB)
        world.passes(9)
    assert not client.aborted


def test_half_the_rate_is_suffered_twice_as_long(world: World) -> None:
    client = world.client(2 * KB)
    client.write(500 * KB)
    world.readers.check()
    world.passes(59)
    assert closed(world) == []
    world.passes(1)
    assert closed(world) == [client]


def test_what_a_fast_start_earned_is_no_credit_for_later(world: World) -> None:
    client = world.client(300 * KB)
    client.write(700 * KB)
    world.passes(2)
    client.rate = 0
    world.passes(29)
    assert closed(world) == []
    world.passes(1)
    assert closed(world) == [client]


def test_while_the_interface_stood_still_nobody_could_read(world: World) -> None:
    client = world.client(0)
    client.write(100)
    world.readers.check()
    world.now += 3600
    world.readers.check()
    assert closed(world) == []


def test_no_clock_runs_while_nothing_waits(world: World) -> None:
    client = world.client(50 * KB)
    client.write(100 * KB)
    world.passes(3)
    client.rate = 0
    world.passes(1000)
    assert not client.aborted
    client.done()
    world.passes(1)
    assert len(world.readers) == 0, "an idle connection is forgotten"
    client.backlog = world.readers.open(client)
    client.write(100)
    world.readers.check()
    world.passes(29)
    assert not client.aborted


def test_a_request_that_is_being_answered_is_not_forgotten(world: World) -> None:
    client = world.client(0)
    world.passes(1000)
    assert world.readers.open(client) is client.backlog
    assert not client.aborted


def test_a_small_response_that_lies_unread_after_its_request(world: World) -> None:
    client = world.client(0)
    client.write(100)
    client.done()
    world.readers.check()
    world.passes(30)
    assert client.aborted


def test_beyond_the_bound_those_who_read_nothing_go_first(world: World) -> None:
    honest = [world.client(10 * KB) for _ in range(3)]
    idle = [world.client(0) for _ in range(3)]
    for client in (*honest, *idle):
        client.write(150 * KB)
    world.readers.check()
    world.passes(2)
    newest = world.client(0)
    newest.write(400 * KB)
    world.passes(1)
    assert not any(client.aborted for client in honest)
    assert sum(client.aborted for client in idle) == 2, "as many as it takes"
    assert not newest.aborted


def test_the_bound_counts_parts_that_are_not_written_yet() -> None:
    world = World(max_bytes=100)
    clients = [world.client(0) for _ in range(3)]
    for client in clients:
        assert client.backlog is not None
        client.backlog.exchange = Exchange("interface.a!x")
        client.backlog.exchange.on_queued = client.backlog.on_queued
        client.write(1)
    world.readers.check()
    world.passes(1)
    for client in clients:
        assert client.backlog is not None and client.backlog.exchange is not None
        client.backlog.exchange.put({"content": b"x" * 40})
    assert sum(client.aborted for client in clients) == 1, "at once, not at the next look"


async def test_a_client_that_is_gone_wants_nothing_that_waits() -> None:
    exchange = Exchange("interface.a!x")
    exchange.put({"content": b"x" * 40, "more_content": True})
    assert exchange.queued == 40
    exchange.put(End.CLIENT_GONE)
    exchange.put({"content": b"y"})
    assert exchange.queued == 0
    assert await exchange.next() is End.CLIENT_GONE


async def test_a_response_that_is_given_up_is_told_before_what_waits() -> None:
    exchange, told = Exchange("interface.a!x"), []
    exchange.on_abort = lambda: told.append(exchange.queued)
    exchange.put({"content": b"x" * 40, "more_content": True})
    exchange.put({"status": 500, "abort": True})
    assert told == [40]
    await exchange.next()
    assert exchange.queued == 0
