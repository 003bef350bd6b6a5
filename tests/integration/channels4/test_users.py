"""Users of an ordinary Channels project, on our layers: sessions in the database, login and logout in the socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connections
from django.test import Client

from switchboard.layers.memory import MemoryLayer
from switchboard.layers.redis import RedisLayer
from switchboard.names import token
from switchboard.testing.contract.channel_layers import MakeChannelLayer
from switchboard.testing.contract.channels_consumers import OnTheLayer
from switchboard.testing.processes import PrivateRedis
from tests.integration.channels4.consumers import websocket_application

pytestmark = pytest.mark.django_db(transaction=True)


class Socket:
    """A client of the application, perhaps with the cookie of a session."""

    def __init__(self, path: str, session_key: str = "") -> None:
        cookie = f"{settings.SESSION_COOKIE_NAME}={session_key}".encode()
        headers = [(b"cookie", cookie)] if session_key else []
        self._communicator = WebsocketCommunicator(websocket_application, path, headers)

    async def enter(self) -> str:
        """Connect; the greeting."""
        connected, _ = await self._communicator.connect(timeout=10)
        assert connected
        return await self.hear()

    async def ask(self, text: str) -> str:
        await self.say(text)
        return await self.hear()

    async def say(self, text: str) -> None:
        await self._communicator.send_to(text_data=text)

    async def hear(self) -> str:
        heard: str = await self._communicator.receive_from(10)
        return heard

    async def leave(self) -> None:
        await self._communicator.disconnect(timeout=10)


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada")


class UserTests(OnTheLayer):
    """The stories, for each layer."""

    @pytest.fixture(autouse=True)
    async def _left_no_connection(self) -> AsyncIterator[None]:
        """All sync consumers of a run share a thread: a connection left there is in the way of tests without one."""
        yield
        await sync_to_async(connections.close_all)()

    @pytest.mark.parametrize("kind", ["async", "sync"])
    async def test_who_is_logged_in_on_the_page_is_so_in_the_socket(self, ada: User, kind: str) -> None:
        browser = Client()
        await sync_to_async(browser.force_login)(ada)
        socket = Socket(f"/{kind}/tea/", browser.cookies[settings.SESSION_COOKIE_NAME].value)
        assert await socket.enter() == "hello ada"
        await socket.leave()

    @pytest.mark.parametrize("kind", ["async", "sync"])
    async def test_login_and_logout_in_the_socket(self, ada: User, kind: str) -> None:
        socket = Socket(f"/{kind}/tea/")
        assert await socket.enter() == "hello AnonymousUser"
        assert await socket.ask("login ada") == "ada"
        assert await socket.ask("who") == "ada"
        key = await socket.ask("key")
        again = Socket(f"/{kind}/tea/", key)
        assert await again.enter() == "hello ada", "the session is in the database"
        assert await socket.ask("logout") == "AnonymousUser"
        assert not await sync_to_async(Session.objects.filter(session_key=key).exists)()
        late = Socket(f"/{kind}/tea/", key)
        assert await late.enter() == "hello AnonymousUser"
        for each in (socket, again, late):
            await each.leave()

    async def test_they_talk_to_each_other_under_their_names(self, ada: User) -> None:
        one, other, elsewhere = Socket("/async/tea/"), Socket("/sync/tea/"), Socket("/async/coffee/")
        for socket in (one, other, elsewhere):
            await socket.enter()
        assert await one.ask("login ada") == "ada"
        assert await one.ask("hello") == await other.hear() == "ada: hello"
        await other.say("threads a b c d e f g h")
        for socket in (one, other):
            assert {await socket.hear() for _ in range(8)} == {f"AnonymousUser: {letter}" for letter in "abcdefgh"}
        assert await elsewhere.ask("alone") == "AnonymousUser: alone", "and nothing of the above"
        for socket in (one, other, elsewhere):
            await socket.leave()


class TestOnMemory(UserTests):
    @pytest.fixture
    def make_layer(self) -> MakeChannelLayer:
        return MemoryLayer


@pytest.mark.redis
class TestOnRedis(UserTests):
    @pytest.fixture
    def make_layer(self, redis_server: PrivateRedis) -> MakeChannelLayer:
        return partial(RedisLayer, hosts=[redis_server.url], prefix=f"users-{token()}")
