"""Switchboard: interface servers hold the sockets, workers hold the code, named channels lie between them.

The names below are the public ones. They are imported when first used: an interface that imports
``switchboard.interface`` must not load the consumers' side behind its back.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from switchboard.auth import (
        allowed_hosts_only,
        channel_session_user,
        channel_session_user_from_http,
        http_session_user,
        transfer_user,
    )
    from switchboard.batches import batch
    from switchboard.channels import Channel, Group
    from switchboard.errors import on_error
    from switchboard.exceptions import (
        ChannelFull,
        ContentError,
        DeadLettered,
        DenyConnection,
        OutboxClosed,
        SessionTooLarge,
        SwitchboardError,
    )
    from switchboard.message import Message
    from switchboard.reconciling import adead_interfaces, dead_interfaces
    from switchboard.routing import include, route
    from switchboard.sessions import channel_and_http_session, channel_session, enforce_ordering, http_session
    from switchboard.views import django_view

__version__ = "0.1.0"

_HOMES = {
    # routing
    "route": "routing",
    "include": "routing",
    "django_view": "views",
    # what consumers hold
    "Message": "message",
    "Channel": "channels",
    "Group": "channels",
    "on_error": "errors",
    "batch": "batches",
    "dead_interfaces": "reconciling",
    "adead_interfaces": "reconciling",
    # sessions and users
    "channel_session": "sessions",
    "http_session": "sessions",
    "channel_and_http_session": "sessions",
    "enforce_ordering": "sessions",
    "channel_session_user": "auth",
    "channel_session_user_from_http": "auth",
    "http_session_user": "auth",
    "transfer_user": "auth",
    "allowed_hosts_only": "auth",
    # errors
    "SwitchboardError": "exceptions",
    "ChannelFull": "exceptions",
    "ContentError": "exceptions",
    "DeadLettered": "exceptions",
    "DenyConnection": "exceptions",
    "OutboxClosed": "exceptions",
    "SessionTooLarge": "exceptions",
}

__all__ = [
    "Channel",
    "ChannelFull",
    "ContentError",
    "DeadLettered",
    "DenyConnection",
    "Group",
    "Message",
    "OutboxClosed",
    "SessionTooLarge",
    "SwitchboardError",
    "adead_interfaces",
    "allowed_hosts_only",
    "batch",
    "channel_and_http_session",
    "channel_session",
    "channel_session_user",
    "channel_session_user_from_http",
    "dead_interfaces",
    "django_view",
    "enforce_ordering",
    "http_session",
    "http_session_user",
    "include",
    "on_error",
    "route",
    "transfer_user",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
