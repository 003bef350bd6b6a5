"""``message.user``: who is behind a socket, by the sessions of `switchboard.sessions`.

The user is looked up when it is first used, so a consumer that doesn't ask costs no query. For an ``async def``
consumer it is looked up before the consumer runs, because on the loop nothing may ask the database.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user
from django.http.request import HttpRequest, validate_host
from django.utils.functional import SimpleLazyObject

from switchboard.exceptions import DenyConnection
from switchboard.message import Message
from switchboard.sessions import Consumer, before, open_channel_session, open_http_session, save_http_session

_USER_KEYS = (SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY)


def transfer_user(from_session: MutableMapping[str, Any], to_session: MutableMapping[str, Any]) -> None:
    """Copy who is logged in from one session to another; logged out if nobody is."""
    for key in _USER_KEYS:
        if key in from_session:
            to_session[key] = from_session[key]
        else:
            to_session.pop(key, None)


def channel_session_user(consumer: Consumer) -> Consumer:
    """Give the consumer ``message.channel_session`` and the ``message.user`` that it names."""

    def prepare(message: Message) -> None:
        open_channel_session(message)
        message.user = _user_of(message.channel_session)

    return before(consumer, prepare)


def http_session_user(consumer: Consumer) -> Consumer:
    """Give the consumer ``message.http_session`` and the ``message.user`` that it names."""

    def prepare(message: Message) -> None:
        open_http_session(message)
        message.user = _user_of(message.http_session)

    return before(consumer, prepare, save_http_session)


def channel_session_user_from_http(consumer: Consumer) -> Consumer:
    """For ``websocket.connect``: like `channel_session_user`, the user taken over from the browser's login."""

    def prepare(message: Message) -> None:
        open_channel_session(message)
        open_http_session(message)
        if message.http_session is not None:
            transfer_user(message.http_session, message.channel_session)
        message.user = _user_of(message.channel_session)

    return before(consumer, prepare, save_http_session)


def allowed_hosts_only(consumer: Consumer) -> Consumer:
    """For ``websocket.connect``: refuse an Origin that is not of ``ALLOWED_HOSTS``, or a missing one.

    Interfaces check the Origin before any consumer runs; this is for code written for Channels 1.x, which expects a
    missing Origin to be refused.
    """
    return before(consumer, _check_origin)


def _check_origin(message: Message) -> None:
    origin = next((value for name, value in message.get("headers", ()) if name == b"origin"), b"")
    try:
        hostname = urlsplit(origin.decode("ascii")).hostname or ""
    except ValueError:
        hostname = ""
    allowed = settings.ALLOWED_HOSTS or (["localhost", "127.0.0.1", "[::1]"] if settings.DEBUG else [])
    if not hostname or not validate_host(hostname, allowed):
        raise DenyConnection(f"the origin {origin!r} is not allowed")


def _user_of(session: Any) -> Any:
    from django.contrib.auth.models import AnonymousUser

    if session is None or SESSION_KEY not in session:
        return AnonymousUser()
    # All that get_user reads of a request is its session.
    request = cast(HttpRequest, SimpleNamespace(session=session))
    return SimpleLazyObject(lambda: get_user(request))
