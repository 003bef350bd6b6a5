"""The grammar of names: channels, groups, interfaces, workers and sockets.

A *named channel* (``websocket.receive``, ``chat.log``) is read by workers. A *reply channel* belongs to one
socket or one HTTP request and is read by the interface that holds it; its name is the interface's name, a ``!``
and a token of its own, so that whoever answers needs no look-up to know where the answer goes::

    interface.k3Jd8sQ1xYzA!w9fQm2LtR0aB
    |-- the inbox -------| |- socket -|

Channels and groups take up to 99 characters of ASCII letters, digits, ``-``, ``_`` and ``.``, the rule of
Channels 1.x and 4, so that names carry over from either.
"""

from __future__ import annotations

import re
import secrets
import string
from functools import lru_cache
from typing import Final

CONNECT: Final = "websocket.connect"
RECEIVE: Final = "websocket.receive"
DISCONNECT: Final = "websocket.disconnect"
HTTP_REQUEST: Final = "http.request"
#: Where an interface asks for numbered messages that its members missed.
GROUP_REPAIR: Final = "group.repair"
#: Where workers ask the application, now and then, to look for sockets that nobody will report.
RECONCILE: Final = "websocket.reconcile"

#: The channels whose messages come from a socket and are guarded by its record.
SOCKET_CHANNELS: Final = frozenset({CONNECT, RECEIVE, DISCONNECT})

#: Longest name of a channel or group, in characters (Channels: fewer than 100).
MAX_LENGTH: Final = 99

_ALPHABET: Final = string.ascii_letters + string.digits
#: 12 of 62 characters are 71 bits: no two sockets of one deployment meet.
_TOKEN_LENGTH: Final = 12

_NAMED = re.compile(r"[A-Za-z0-9_.\-]+\Z")
_REPLY = re.compile(r"[A-Za-z0-9_.\-]+![A-Za-z0-9_.\-]+\Z")


def token() -> str:
    """A random token that may stand in a name, from the system's cryptographic source."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_TOKEN_LENGTH))


def new_interface() -> str:
    """The name of a new interface, which is also the name of its inbox."""
    return f"interface.{token()}"


def new_worker() -> str:
    """The name of a new worker, as it stands in the consumer group of each channel it reads."""
    return f"worker.{token()}"


def new_reply_channel(interface: str) -> str:
    """A fresh reply channel at ``interface``."""
    return f"{interface}!{token()}"


def is_reply_channel(name: str) -> bool:
    """Whether ``name`` is read by one interface rather than by the workers."""
    return "!" in name


def interface_of(reply_channel: str) -> str:
    """The interface that holds the socket or request behind ``reply_channel``."""
    return reply_channel.partition("!")[0]


@lru_cache(10_000)
def _is_channel(name: str) -> bool:
    # The same few named channels, and the reply channel of each socket again and again.
    return len(name) <= MAX_LENGTH and bool(_NAMED.match(name) or _REPLY.match(name))


def check_channel(name: object) -> str:
    """``name`` if it can name a channel of either kind.

    Raises:
        TypeError: it is no string, too long, or has a character that names don't have.
    """
    if isinstance(name, str) and _is_channel(name):
        return name
    raise TypeError(f"a channel's name has 1 to {MAX_LENGTH} ASCII letters, digits, '-', '_' or '.', not {name!r}")


def check_group(name: object) -> str:
    """``name`` if it can name a group.

    Raises:
        TypeError: it is no string, too long, or has a character that names don't have.
    """
    if isinstance(name, str) and len(name) <= MAX_LENGTH and _NAMED.match(name):
        return name
    raise TypeError(f"a group's name has 1 to {MAX_LENGTH} ASCII letters, digits, '-', '_' or '.', not {name!r}")
