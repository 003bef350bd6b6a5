"""Which closed connections our server forgets by itself, and which it leaves to Daphne's look each second."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from switchboard.interface.server import Server


@pytest.fixture
def server() -> Server:
    server = Server(object(), endpoints=["tcp:0:interface=127.0.0.1"])
    server.connections = {}
    return server


def close(server: Server, application: asyncio.Future[Any] | None = None) -> bool:
    """Open a connection, close it, and say whether the server still knows it."""
    protocol = object()
    server.protocol_connected(protocol)
    if application is not None:
        server.connections[protocol]["application_instance"] = application
    server.protocol_disconnected(protocol)
    server.protocol_disconnected(protocol)  # as for a refused handshake
    return protocol in server.connections


async def test_one_whose_application_is_done_is_forgotten_at_once(server: Server) -> None:
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    done.set_result(None)
    assert not close(server, done)


def test_so_is_a_request_that_became_a_websocket(server: Server) -> None:
    assert not close(server)


async def test_daphne_ends_an_application_that_runs_on(server: Server) -> None:
    assert close(server, asyncio.get_running_loop().create_future())


async def test_daphne_logs_an_application_that_failed(server: Server) -> None:
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    failed.set_exception(ValueError("a bug"))
    assert close(server, failed)
    assert failed.exception() is not None
