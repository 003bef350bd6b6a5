"""Who somebody is, before any room: an account, a browser, or only a socket.

A browser is known by a cookie of ours, ``visitor``: a random value that is set when a room is first shown to it. No
row is written for it, so a crawler leaves nothing behind, and it stays the same when somebody logs in or out. What is
derived from it and stored is a keyed hash. Without the cookie a browser that has a session of Django's is known by
that; who has neither, a program or an old client, is known as long as the socket lasts (*passing*).

In each room somebody has another id, a hash with the room in it: it is shown to everybody there, and tells nobody that
two people in two rooms are the same.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import signing
from django.utils.crypto import salted_hmac

from chat import addresses
from chat.models import Room

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
    from django.contrib.sessions.backends.base import SessionBase
    from django.http import HttpRequest, HttpResponse

    from switchboard import Message

COOKIE = "visitor"
#: A year without a visit, and somebody is a stranger again.
COOKIE_SECONDS = 365 * 24 * 3_600


@dataclass(frozen=True)
class Who:
    """Somebody, and where from. ``keys`` name them, the most telling first; empty where nothing does."""

    keys: tuple[str, ...]
    #: What all sockets of the browser share; "" for a passing one.
    browser: str = ""
    user: AbstractBaseUser | AnonymousUser | None = field(default=None, compare=False)
    address: str = ""

    @property
    def passing(self) -> bool:
        return not self.keys or self.keys[0].startswith("c:")

    @property
    def account(self) -> Any:
        """Who is logged in, or None."""
        return self.user if self.user is not None and self.user.is_authenticated else None

    def persons(self, room: Room) -> list[str]:
        """The ids of this somebody in the room: the one to be used, and those that they had before logging in."""
        return [person_id(room, key) for key in self.keys]


def person_id(room: Room, key: str) -> str:
    """64 bits are plenty: they are told apart within one room."""
    return salted_hmac("chat.person", f"{room.pk} {room.created.timestamp()} {key}").hexdigest()[:16]


def of_handshake(message: Message) -> Who:
    """Who opens this socket. The message has been through ``channel_session_user_from_http``."""
    assert message.reply_channel is not None
    browser = _browser(message.cookies.get(COOKIE, ""), message.http_session)
    address = addresses.of_handshake(message)
    return Who(_keys(message.user, browser) or (f"c:{message.reply_channel.name}",), browser, message.user, address)


def of_request(request: HttpRequest) -> Who:
    """Who makes this request. One without cookies is made by somebody of whom nothing is known but the address."""
    made = getattr(request, "new_visitor", "")
    browser = _hash(made) if made else _browser(request.COOKIES.get(COOKIE, ""), request.session)
    return Who(_keys(request.user, browser), browser, request.user, addresses.of_request(request))


def browser_names(request: HttpRequest) -> list[str]:
    """Every name under which sockets of this browser may be known."""
    names = [_browser(request.COOKIES.get(COOKIE, ""), None), _browser("", request.session)]
    return [name for name in names if name]


class VisitorCookie:
    """Middleware: ``recognise(request)`` in a view gives a browser its cookie with the response."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        made = getattr(request, "new_visitor", "")
        if made:
            response.set_cookie(
                COOKIE,
                signer().sign(made),
                max_age=COOKIE_SECONDS,
                path="/",
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response


def recognise(request: HttpRequest) -> Who:
    """As ``of_request``; a browser without a cookie gets one."""
    if not _value(request.COOKIES.get(COOKIE, "")) and not hasattr(request, "new_visitor"):
        request.new_visitor = secrets.token_urlsafe(16)  # type: ignore[attr-defined]
    return of_request(request)


def _keys(user: AbstractBaseUser | AnonymousUser, browser: str) -> tuple[str, ...]:
    account = (f"u:{user.pk}",) if user.is_authenticated else ()
    return (*account, *((f"b:{browser}",) if browser else ()))


def _browser(cookie: str, session: SessionBase | None) -> str:
    if value := _value(cookie):
        return _hash(value)
    # Not the key itself: whoever has it is logged in.
    return _hash(session.session_key) if session is not None and session.session_key else ""


def _value(cookie: str) -> str:
    """Signed, or somebody would pick a name that means another one's."""
    try:
        return signer().unsign(cookie) if cookie else ""
    except signing.BadSignature:
        return ""


def signer() -> signing.Signer:
    """What the cookie's value is signed with."""
    return signing.Signer(salt="chat.visitor")


def _hash(value: str) -> str:
    return salted_hmac("chat.browser", value).hexdigest()[:32]
