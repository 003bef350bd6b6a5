"""What the chat leaves to its interfaces and workers, with real ones: repair of a room's groups, rows that end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.sync.client import ClientConnection, connect

from switchboard.testing.processes import Daphne
from switchboard.testing.waiting import wait_until
from tests.site import Site, running_site

pytestmark = [pytest.mark.redis, pytest.mark.timeout(300)]

#: Stores messages that nobody announces, as if the announcement had been lost.
UNHEARD = """
from django.db import transaction
from chat.models import Message, Room
with transaction.atomic():
    room = Room.objects.get(label="tea")
    Message.objects.bulk_create([
        Message(room=room, handle="ghost", message=f"unheard {n}", seq=room.next_seq(), identity=f"x:{n}")
        for n in range(250)
    ])
"""
CONNECTIONS = "from chat.models import Connection; print('there:', *Connection.objects.values_list('pk', flat=True))"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    impatient = "tests.integration.chat.impatient_settings"
    with running_site(tmp_path_factory.mktemp("site"), DJANGO_SETTINGS_MODULE=impatient) as site:
        yield site


def opened(url: str) -> ClientConnection:
    """A socket there. An interface, Redis and a worker have to answer, each of which may stand still for seconds."""
    return connect(url, proxy=None, open_timeout=30)


def heard(socket: ClientConnection) -> str:
    return str(json.loads(socket.recv(timeout=30))["message"])


def present(site: Site) -> int:
    [line] = [line for line in site.manage("shell", "-c", CONNECTIONS).splitlines() if line.startswith("there:")]
    return len(line.split()) - 1


def test_an_old_client_gets_in_order_what_nobody_announced(site: Site) -> None:
    """More than one answer of ``group.repair`` holds, before the message that shows the gap."""
    with (
        opened(f"{site.websocket_url}/chat/tea/") as classic,
        opened(f"{site.websocket_url}/ws/chat/tea/") as tutorial,
    ):
        tutorial.send(json.dumps({"message": "first"}))
        assert heard(classic) == heard(tutorial) == "first"
        site.manage("shell", "-c", UNHEARD)
        classic.send(json.dumps({"handle": "ada", "message": "last"}))
        expected = [*(f"unheard {n}" for n in range(250)), "last"]
        for socket in (classic, tutorial):
            assert [heard(socket) for _ in expected] == expected


def test_who_was_at_an_interface_that_was_killed_is_there_no_more(site: Site, tmp_path: Path) -> None:
    with ExitStack() as stack:
        other = stack.enter_context(Daphne(site.redis.url, name="other", **site.settings))
        gone = stack.enter_context(opened(f"{other.websocket_url}/chat/tea/"))
        stays = stack.enter_context(opened(f"{site.websocket_url}/chat/tea/"))
        wait_until(lambda: present(site) == 2, "both are there")
        other.kill()
        wait_until(lambda: present(site) == 1, "the one at the killed interface is not", timeout=90)
        stays.send(json.dumps({"handle": "ada", "message": "still here"}))
        assert heard(stays) == "still here"
        stays.close()
        gone.close()
        wait_until(lambda: present(site) == 0, "nobody is there")
