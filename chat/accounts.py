"""Accounts: optional, with a handle that is theirs alone, and sockets that follow a login and a logout.

A socket keeps who it is for as long as it lives. So when a browser logs in or out its sockets are told to connect
again, in all its tabs; other browsers of the same account are left alone.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db.models.signals import post_save
from django.http import HttpRequest

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
        broadcast.tell_sockets(sockets, {"close": broadcast.CONNECT_AGAIN})


def _on_saved(instance: User, raw: bool, **kwargs: Any) -> None:
    if not raw:
        claims.register(instance)
