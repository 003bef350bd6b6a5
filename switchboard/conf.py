"""Settings: the dictionary ``SWITCHBOARD`` of the Django settings, checked once and typed.

Interfaces read it too, without ``django.setup()``: nothing here may import a model or an application.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every key of ``SWITCHBOARD`` with its default. Times are seconds, sizes are bytes."""

    #: The layer's alias in ``CHANNEL_LAYERS``.
    LAYER: str = "default"
    #: Longest body of an HTTP request; a longer one is answered with 413. It bounds what Redis holds.
    HTTP_BODY_BYTES: int = 4 * 1024 * 1024
    #: A request that nobody answered for so long gets 504, and is not begun any more.
    HTTP_TIMEOUT: float = 30.0
    #: What a worker sends of a response before the interface has written what came before.
    HTTP_WINDOW_BYTES: int = 1024 * 1024
    #: What all HTTP responses together may have waiting in an interface for their clients; beyond it the slowest are
    #: closed.
    HTTP_UNSENT_BYTES: int = 128 * 1024 * 1024
    #: A client that does not read for so long, while something waits for it, is closed.
    HTTP_STALL_TIMEOUT: float = 30.0
    #: Bytes per second that a client has to read on average, while something waits for it.
    HTTP_MIN_RATE: int = 4096
    #: Threads of a worker in which streaming responses are produced, besides those of its views.
    HTTP_STREAM_THREADS: int = 4
    #: How far a streaming response may run ahead of its client, in a temporary file of the worker.
    HTTP_SPOOL_BYTES: int = 64 * 1024 * 1024
    #: What all responses together may have waiting in a worker; beyond it the slowest are cut off.
    HTTP_SPOOL_TOTAL_BYTES: int = 512 * 1024 * 1024
    #: A worker that ends finishes its responses for so long, then cuts them off.
    HTTP_DRAIN_TIMEOUT: float = 5.0
    #: What may lie unread in an interface's inbox when a part of a response is sent there; beyond it the sender waits.
    INBOX_WINDOW_BYTES: int = 4 * 1024 * 1024
    #: A handshake that no consumer answered for so long is closed with 1013 (try again later).
    CONNECT_TIMEOUT: float = 15.0
    #: What a socket may send ahead of the message under way; from half of it on it is not read, and a frame that does
    #: not fit in closes it with 1013.
    SOCKET_BUFFER_BYTES: int = 256 * 1024
    #: What may wait for a socket's client to read it; beyond it the client is cut off.
    SOCKET_UNSENT_BYTES: int = 1024 * 1024
    #: What the closed sockets of an interface may hold until their disconnects are handled; beyond it new sockets are
    #: refused with 1013.
    CLOSED_SOCKETS_BYTES: int = 64 * 1024 * 1024
    #: Largest channel session; it travels with each message of its socket.
    SESSION_BYTES: int = 16 * 1024
    #: An interface shows that it lives each so many seconds.
    INTERFACE_BEAT: float = 5.0
    #: A message whose worker did not renew it for so long is taken over.
    WORKER_LEASE: float = 4.0
    #: A consumer that runs for longer is given up: its message goes to another worker, and this one ends.
    CONSUMER_TIME_LIMIT: float = 30.0
    #: A view that has not returned its response for so long is given up: its client gets 504, and its worker ends. Keep
    #: it below HTTP_TIMEOUT, after which the interface answers. Sending the response does not count.
    VIEW_TIME_LIMIT: float = 25.0
    #: A message whose consumer finds its database or the layer unavailable is retried by its worker for so long, then
    #: given back uncounted: any worker takes it over after a `WORKER_LEASE`.
    TRANSIENT_RETRY_TIMEOUT: float = 60.0
    #: An interface whose heartbeat stood still for so long is taken for dead, and its sockets for closed.
    INTERFACE_LEASE: float = 45.0
    #: The last number of each group that changed lately is told so often, for those who missed the last message.
    TIP_INTERVAL: float = 20.0
    #: A redelivered message that began to run so often is given up.
    MAX_ATTEMPTS: int = 3
    #: Whether a socket without an Origin header (from no browser) is let in.
    ALLOW_MISSING_ORIGIN: bool = True


@cache
def get_settings() -> Settings:
    """The settings in force.

    Raises:
        ImproperlyConfigured: a key is unknown, or its value of the wrong type or not above zero.
    """
    given: dict[str, Any] = getattr(settings, "SWITCHBOARD", {})
    known = {field.name: field for field in fields(Settings)}
    for name, value in given.items():
        if name not in known:
            raise ImproperlyConfigured(f"SWITCHBOARD has no setting {name!r}; it knows {', '.join(known)}.")
        _check(name, value, known[name].default)
    return Settings(**given)


def _check(name: str, value: Any, default: Any) -> None:
    # bool is an int to isinstance, and an int will do for seconds.
    wanted: tuple[type, ...] = (int, float) if type(default) is float else (type(default),)
    if not isinstance(value, wanted) or isinstance(value, bool) is not isinstance(default, bool):
        raise ImproperlyConfigured(f"SWITCHBOARD[{name!r}] is {value!r}, but wants a {type(default).__name__}.")
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value <= 0:
        raise ImproperlyConfigured(f"SWITCHBOARD[{name!r}] is {value!r}, but has to be above 0.")


def _forget(*, setting: str, **_: Any) -> None:
    if setting == "SWITCHBOARD":
        get_settings.cache_clear()


setting_changed.connect(_forget)
