"""The cookies of a handshake: Django's parser, and bounds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, HttpResponse, parse_cookie
from django.urls import path

from switchboard import Message, channel_session_user_from_http, http_session, route
from switchboard.cookies import MAX_COOKIE_ESCAPES, MAX_COOKIE_HEADER_BYTES
from switchboard.layers.memory import MemoryLayer
from switchboard.routing import Router
from switchboard.testing.client import HttpClient, WSClient, login_keys


def handshake(*cookies: bytes, id: str = "x") -> Message:
    headers = [[b"host", b"testserver"], *([b"cookie", value] for value in cookies)]
    return Message({"headers": headers}, "websocket.connect", MemoryLayer(), id=id)


def connect(consumer: Callable[..., Any], *cookies: bytes) -> None:
    router = Router([route("websocket.connect", consumer)])
    WSClient("/x/", headers=[(b"cookie", value) for value in cookies], layer=MemoryLayer(), router=router).connect()


def session_key(**values: Any) -> bytes:
    store = SessionStore()
    store.update(values)
    store.save()
    return str(store.session_key).encode()


@pytest.mark.parametrize(
    ("headers", "cookies"),
    [
        ([], {}),
        ([b"a=1; b=2"], {"a": "1", "b": "2"}),
        ([b"a=1", b"b=2"], {"a": "1", "b": "2"}),
        ([b'json={"a": [1, 2]}; b=2'], {"json": '{"a": [1, 2]}', "b": "2"}),
        ([b"odd name=1; b=2"], {"odd name": "1", "b": "2"}),
        ([b'a="x\\"y\\054z"; b=2'], {"a": 'x"y,z', "b": "2"}),
        (["a=차".encode()], {"a": "차"}),
        ([b"a=\xff"], {"a": "\ufffd"}),
    ],
)
def test_cookies_are_read_as_a_view_reads_them(headers: Sequence[bytes], cookies: dict[str, str]) -> None:
    assert handshake(*headers).cookies == cookies


@pytest.mark.django_db
@pytest.mark.parametrize("odd", [b"odd name=1", b'json={"a": [1, 2]}', b"\xec\xb0\xa8=1", b"a[]=1"])
def test_a_user_stays_logged_in_beside_an_odd_cookie(odd: bytes) -> None:
    seen = []

    @channel_session_user_from_http
    def consumer(message: Message) -> None:
        seen.append(message.user.get_username())

    key = session_key(**login_keys(User.objects.create_user("ada")))
    connect(consumer, odd + b"; sessionid=" + key)
    connect(consumer, b"sessionid=" + key + b"; " + odd)
    assert seen == ["ada", "ada"]


def test_a_header_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []

    def parse(header: str) -> dict[str, str]:
        parsed.append(header)
        return parse_cookie(header)

    monkeypatch.setattr("switchboard.cookies.parse_cookie", parse)
    seen = []

    @channel_session_user_from_http
    @http_session
    def consumer(message: Message) -> None:
        seen.append(message.cookies)

    connect(consumer, b"a=1")
    assert seen == [{"a": "1"}] and parsed == ["a=1"]


LONGEST = b"a=" + b"x" * (MAX_COOKIE_HEADER_BYTES - 2)


def test_the_longest_header_is_read() -> None:
    assert len(handshake(LONGEST).cookies["a"]) == MAX_COOKIE_HEADER_BYTES - 2
    assert handshake(b'a="' + b"\\\\" * (MAX_COOKIE_ESCAPES // 2) + b'"').cookies["a"] == "\\" * (
        MAX_COOKIE_ESCAPES // 2
    )


@pytest.mark.parametrize(
    "cookies",
    [
        [LONGEST + b"x"],
        [LONGEST[:-20], b"session=1", b"b=2; c=3"],
        [b'a="' + b"\\\\" * (MAX_COOKIE_ESCAPES // 2) + b'\\""'],
    ],
)
def test_a_header_beyond_the_bounds_counts_as_no_cookies_and_is_logged_once(
    cookies: Sequence[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    id = f"interface.a!{hash(tuple(cookies))}/0"
    with caplog.at_level(logging.WARNING, "switchboard"):
        for _ in range(3):  # a message whose consumer runs again, because the database was away, is made anew
            message = handshake(*cookies, id=id)
            assert message.cookies == {} == message.cookies
    [record] = caplog.records
    assert id in record.getMessage()


def cookies_of(request: HttpRequest) -> HttpResponse:
    return HttpResponse(",".join(request.COOKIES))


urlpatterns = [path("cookies", cookies_of)]


@pytest.mark.urls(__name__)
def test_a_view_has_the_same_cookies_and_the_same_bound() -> None:
    client = HttpClient(layer=MemoryLayer(), router=Router([]))
    for header, seen in ((b"odd name=1; b=2", b"odd name,b"), (LONGEST, b"a"), (LONGEST + b"x", b"")):
        assert client.request("GET", "/cookies", headers=[(b"cookie", header)])["content"] == seen
