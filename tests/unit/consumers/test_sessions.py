"""Sessions that travel, and the user behind a socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.db import SessionStore
from django.db import IntegrityError, connections, transaction

from switchboard import (
    Message,
    SessionTooLarge,
    allowed_hosts_only,
    batch,
    channel_and_http_session,
    channel_session,
    channel_session_user,
    channel_session_user_from_http,
    enforce_ordering,
    http_session,
    http_session_user,
    route,
)
from switchboard.layers.memory import MemoryLayer
from switchboard.routing import Router
from switchboard.testing.client import Client, WSClient

Clients = Callable[..., Client]


@channel_session
def count(message: Message) -> None:
    message.channel_session["n"] = message.channel_session.get("n", 0) + 1


@channel_session
def append(message: Message) -> None:
    message.channel_session.setdefault("rooms", []).append("tea")


def test_a_session_lasts_from_message_to_message(client_for: Clients) -> None:
    client = client_for(route("websocket.receive", count), session={"n": 5})
    for _ in range(2):
        client.send_and_consume("websocket.receive")
    client.received()
    assert client.channel_session == {"n": 7}


def test_a_change_deep_inside_counts(client_for: Clients) -> None:
    client = client_for(route("websocket.receive", append), session={"rooms": ["a"]})
    client.send_and_consume("websocket.receive")
    client.received()
    assert client.channel_session == {"rooms": ["a", "tea"]}


def test_sessions_of_two_sockets_are_two(client_for: Clients) -> None:
    routing = route("websocket.receive", count)
    one, other = client_for(routing), client_for(routing)
    one.send_and_consume("websocket.receive")
    other.received()
    assert other.channel_session == {}


def test_a_consumer_that_raises_changes_nothing(client_for: Clients) -> None:
    @channel_session
    def consumer(message: Message) -> None:
        message.channel_session["n"] = 1
        raise ZeroDivisionError

    client = client_for(route("websocket.receive", consumer), session={"n": 0})
    client.send("websocket.receive")
    with pytest.raises(ZeroDivisionError):
        client.consume("websocket.receive")
    client.received()
    assert client.channel_session == {"n": 0}


@pytest.mark.parametrize(("value", "error"), [("x" * 20_000, SessionTooLarge), (object(), TypeError)])
def test_what_cannot_travel_is_refused(client_for: Clients, value: object, error: type[Exception]) -> None:
    @channel_session
    def consumer(message: Message) -> None:
        message.channel_session["x"] = value

    client = client_for(route("websocket.receive", consumer))
    client.send("websocket.receive")
    with pytest.raises(error):
        client.consume("websocket.receive")


def test_an_async_consumer_has_a_session(client_for: Clients) -> None:
    @channel_session
    async def consumer(message: Message) -> None:
        message.channel_session["n"] = 1

    client = client_for(route("websocket.receive", consumer))
    client.send_and_consume("websocket.receive")
    client.received()
    assert client.channel_session == {"n": 1}


def test_ordering_is_built_in() -> None:
    assert enforce_ordering(count) is count


# -- users


def socket(consumer: Callable[..., Any], *later: Callable[..., Any], **options: Any) -> WSClient:
    routes = [route("websocket.connect", consumer), *(route("websocket.receive", each) for each in later)]
    return WSClient("/chat/x/", layer=MemoryLayer(), router=Router(routes), **options)


@pytest.mark.django_db
def test_the_user_of_the_browser_stays_the_user_of_the_socket(django_assert_num_queries: Any) -> None:
    seen = []

    @channel_session_user_from_http
    def connect(message: Message) -> None:
        seen.append(message.user.get_username())
        message.reply_channel.send({"accept": True})  # type: ignore[union-attr]

    @channel_session_user
    def receive(message: Message) -> None:
        seen.append(message.user.get_username())

    client = socket(connect, receive, user=User.objects.create_user("ada"))
    assert client.connect() == {"accept": True}
    with django_assert_num_queries(1):
        client.text("x")
    assert seen == ["ada", "ada"]


@pytest.mark.django_db
def test_a_consumer_that_does_not_ask_for_the_user_costs_no_query(django_assert_num_queries: Any) -> None:
    @channel_session_user
    def receive(message: Message) -> None: ...

    client = Client(
        layer=MemoryLayer(), router=Router([route("websocket.receive", receive)]), user=User.objects.create_user("ada")
    )
    with django_assert_num_queries(0):
        client.send_and_consume("websocket.receive")


@pytest.mark.django_db
def test_a_changed_password_ends_the_login_of_the_socket() -> None:
    seen = []

    @channel_session_user
    def receive(message: Message) -> None:
        seen.append(message.user.is_authenticated)

    user = User.objects.create_user("ada", password="one")
    client = Client(layer=MemoryLayer(), router=Router([route("websocket.receive", receive)]), user=user)
    user.set_password("two")
    user.save()
    client.send_and_consume("websocket.receive")
    assert seen == [False]


def test_without_a_cookie_one_is_nobody() -> None:
    seen = []

    @channel_session_user_from_http
    def connect(message: Message) -> None:
        seen.append((message.http_session, bool(message.user == AnonymousUser())))

    socket(connect).connect()
    assert seen == [(None, True)]


@pytest.mark.django_db
def test_a_changed_http_session_is_saved() -> None:
    @http_session
    def connect(message: Message) -> None:
        message.http_session["visits"] = 1  # type: ignore[index]

    store = SessionStore()
    store.save()
    socket(connect, headers=[(b"cookie", f"sessionid={store.session_key}".encode())]).connect()
    assert SessionStore(store.session_key)["visits"] == 1


@pytest.mark.django_db
def test_the_http_session_is_found_again_on_later_messages() -> None:
    seen = []

    @channel_and_http_session
    def consumer(message: Message) -> None:
        seen.append(message.http_session.session_key if message.http_session else None)

    store = SessionStore()
    store.save()
    client = socket(consumer, consumer, headers=[(b"cookie", f"a=b; sessionid={store.session_key}".encode())])
    client.connect()
    client.text("x")
    assert seen == [store.session_key] * 2


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (b"http://testserver", True),
        (b"http://evil.example", False),
        (None, False),
        (b"\xff", False),
        (b"http://[", False),
    ],
)
def test_allowed_hosts_only_refuses_foreign_and_missing_origins(origin: bytes | None, allowed: bool) -> None:
    @allowed_hosts_only
    def connect(message: Message) -> None:
        message.reply_channel.send({"accept": True})  # type: ignore[union-attr]

    client = socket(connect, headers=[(b"origin", origin)] if origin is not None else [])
    assert client.connect() == ({"accept": True} if allowed else {"close": True})


# -- async consumers, on whose loop nothing may ask the database


def async_user(seen: list[Any]) -> Callable[[Message], Any]:
    async def consumer(message: Message) -> None:
        seen.append((message.user.is_authenticated, message.user.get_username()))

    return consumer


@pytest.mark.django_db
@pytest.mark.parametrize("decorator", [channel_session_user_from_http, http_session_user])
def test_an_async_consumer_has_the_user_of_the_browser(decorator: Any) -> None:
    seen: list[Any] = []
    socket(decorator(async_user(seen)), user=User.objects.create_user("ada")).connect()
    assert seen == [(True, "ada")]


@pytest.mark.django_db
def test_an_async_consumer_has_the_user_of_the_socket() -> None:
    seen: list[Any] = []
    consumer = channel_session_user(async_user(seen))
    router = Router([route("websocket.receive", consumer)])
    Client(layer=MemoryLayer(), router=router, user=User.objects.create_user("ada")).send_and_consume(
        "websocket.receive"
    )
    Client(layer=MemoryLayer(), router=router).send_and_consume("websocket.receive")
    assert seen == [(True, "ada"), (False, "")]


@pytest.mark.django_db
def test_each_message_of_an_async_batch_has_its_user() -> None:
    seen: list[Any] = []

    @batch
    @channel_session_user
    async def consumer(messages: list[Message]) -> None:
        seen.extend(message.user.get_username() for message in messages)

    router = Router([route("websocket.receive", consumer)])
    Client(layer=MemoryLayer(), router=router, user=User.objects.create_user("ada")).send_and_consume(
        "websocket.receive"
    )
    assert seen == ["ada"]


@pytest.mark.django_db
def test_an_async_consumer_reads_and_changes_the_http_session() -> None:
    @http_session
    async def connect(message: Message) -> None:
        assert message.http_session is not None
        message.http_session["visits"] = message.http_session["visits"] + 1

    store = SessionStore()
    store["visits"] = 1
    store.save()
    socket(connect, headers=[(b"cookie", f"sessionid={store.session_key}".encode())]).connect()
    assert SessionStore(store.session_key)["visits"] == 2


@pytest.mark.django_db
def test_an_async_consumer_that_meets_a_database_error_leaves_the_transaction_of_the_test_open() -> None:
    async def consumer(message: Message) -> None:
        await User.objects.acreate(username="ada")

    client = Client(layer=MemoryLayer(), router=Router([route("websocket.receive", consumer)]))
    User.objects.create_user("ada")
    client.send("websocket.receive")
    with pytest.raises(IntegrityError), transaction.atomic():
        client.consume("websocket.receive")
    assert User.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_open_connection_is_left_as_it_is_by_what_runs_in_the_thread_of_a_test() -> None:
    @http_session_user
    async def consumer(message: Message) -> None: ...

    connection = connections["default"]
    connection.ensure_connection()
    raw = connection.connection
    connection.close_at = 0  # too old
    socket(consumer).connect()
    assert connection.connection is raw
