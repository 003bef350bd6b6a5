"""Accounts: optional, with a handle that is theirs alone, and sockets that follow a login and a logout.

A socket keeps who it is for as long as it lives. So when a browser logs in or out its sockets are told to connect
again, in all its tabs; other browsers of the same account are left alone. They are told after the response has left:
it brings the cookie by which they will be known, and a socket that came back before it would be who it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db.models.signals import post_save
from django.http import HttpRequest, HttpResponse

from chat import broadcast, claims, identity, presence


def listen() -> None:
    """Hear of logins, logouts and accounts from now on."""
    user_logged_in.connect(_on_changed, dispatch_uid="chat.accounts.in")
    user_logged_out.connect(_on_changed, dispatch_uid="chat.accounts.out")
    post_save.connect(_on_saved, sender=get_user_model(), dispatch_uid="chat.accounts")


def _on_changed(request: HttpRequest | None, **kwargs: Any) -> None:
    """The session's key is still the one before: a login changes it first, a logout afterwards."""
    if request is not None:
        sockets = presence.sockets_of_browser(identity.browser_names(request))
        request.sockets_that_follow = sockets  # type: ignore[attr-defined]


class SocketsFollow:
    """Middleware: the sockets of a browser that logged in or out connect again once it has the response."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        sockets = getattr(request, "sockets_that_follow", ())
        if sockets:
            close = response.close

            def close_and_tell() -> None:
                close()
                broadcast.tell_sockets(sockets, {"close": broadcast.CONNECT_AGAIN})

            # Who serves a response closes it when all of it was sent.
            response.close = close_and_tell  # type: ignore[method-assign]
        return response


def _on_saved(instance: User, raw: bool, **kwargs: Any) -> None:
    if not raw:
        claims.register(instance)
