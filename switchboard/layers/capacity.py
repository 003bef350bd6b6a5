"""Bounds of what a layer holds: those of its ``CONFIG``, and one that is not configurable.

A named channel is bounded twice: ``capacity`` and ``channel_capacity`` in messages, ``capacity_bytes`` and
``channel_capacity_bytes`` in bytes. The bytes of a message are those of its envelope on the wire, and of the channel
session that travels with it. An inbox is bounded by ``inbox_bytes``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured

from switchboard.names import HTTP_REQUEST

#: Each socket has one message under way at most, so this many sockets are served before anyone is refused.
DEFAULT_CAPACITY: Final = 10_000
#: Requests wait while somebody looks at a blank page: refuse early.
DEFAULT_CHANNEL_CAPACITY: Final[Mapping[str, int]] = {HTTP_REQUEST: 1_000}
#: Bytes of a channel's messages. 10,000 frames of a chat are far below it, and 16 bodies of the largest size fill it.
DEFAULT_CAPACITY_BYTES: Final = 64 * 1024 * 1024
#: Bytes that an interface may leave unread in its inbox. Under much load it is what comes in 20 s; an interface that
#: read nothing for so long is frozen.
DEFAULT_INBOX_BYTES: Final = 32 * 1024 * 1024
#: Dead letters that are kept. They wait for a human, and each may be as large as a message gets.
MOST_DEAD_LETTERS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Capacity:
    """What one named channel may hold: ``messages``, and ``size``, their bytes. An empty channel takes any message."""

    messages: int
    size: int


class Capacities:
    """``channel_capacity`` maps globs to capacities, the first that matches wins; others have ``capacity``. The same
    holds of ``channel_capacity_bytes`` and ``capacity_bytes``."""

    def __init__(
        self,
        capacity: int = DEFAULT_CAPACITY,
        channel_capacity: Mapping[str, int] | None = None,
        capacity_bytes: int = DEFAULT_CAPACITY_BYTES,
        channel_capacity_bytes: Mapping[str, int] | None = None,
        inbox_bytes: int = DEFAULT_INBOX_BYTES,
    ) -> None:
        self._messages = _Bound(capacity, {**(channel_capacity or {}), **_missing(channel_capacity)})
        self._sizes = _Bound(capacity_bytes, channel_capacity_bytes or {})
        #: Bytes that an inbox may hold unread.
        self.inbox_bytes = _checked(inbox_bytes)
        self.of = lru_cache(maxsize=1024)(self._of)

    def _of(self, channel: str) -> Capacity:
        return Capacity(self._messages.of(channel), self._sizes.of(channel))


class _Bound:
    """A number for each channel, by globs."""

    def __init__(self, default: int, by_glob: Mapping[str, int]) -> None:
        self._default = _checked(default)
        self._by_glob = [(re.compile(translate(glob)), _checked(value)) for glob, value in by_glob.items()]

    def of(self, channel: str) -> int:
        return next((value for glob, value in self._by_glob if glob.match(channel)), self._default)


def _missing(channel_capacity: Mapping[str, int] | None) -> Mapping[str, int]:
    """The default capacities that ``channel_capacity`` does not name; they come after those that it does."""
    return {glob: value for glob, value in DEFAULT_CHANNEL_CAPACITY.items() if glob not in (channel_capacity or {})}


def _checked(value: Any) -> int:
    if not isinstance(value, int) or value < 1:
        raise ImproperlyConfigured(f"a channel's capacity is a whole number above 0, not {value!r}.")
    return value
