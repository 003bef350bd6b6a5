"""How much a layer holds: ``capacity`` and ``channel_capacity`` of its ``CONFIG``, and what nobody sets."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from fnmatch import translate
from functools import lru_cache
from typing import Any, Final, NamedTuple

from django.core.exceptions import ImproperlyConfigured

from switchboard.names import HTTP_REQUEST

logger = logging.getLogger(__name__)

#: Each socket has one message under way at most, so this many sockets are served before anyone is refused.
DEFAULT_CAPACITY: Final = 10_000
#: Requests wait while somebody looks at a blank page: refuse early.
DEFAULT_CHANNEL_CAPACITY: Final[Mapping[str, int]] = {HTTP_REQUEST: 1_000}
#: Messages that wait for one Channels consumer, where ``CONFIG`` says nothing else; Channels' own default.
DEFAULT_CONSUMER_CAPACITY: Final = 100
#: Dead letters that are kept. They wait for a human, and each may be as large as a message gets.
MOST_DEAD_LETTERS: Final = 1_000


class Capacities:
    """``channel_capacity`` maps globs, or compiled regular expressions, to capacities, the first that matches wins;
    others have ``capacity``."""

    def __init__(self, capacity: int = DEFAULT_CAPACITY, channel_capacity: Mapping[Any, int] | None = None) -> None:
        by_glob: dict[Any, int] = dict(channel_capacity or {})
        for glob, least in DEFAULT_CHANNEL_CAPACITY.items():
            by_glob.setdefault(glob, least)
        given: list[Any] = [capacity, *by_glob.values()]  # from settings, so of any type
        for value in given:
            if not isinstance(value, int) or value < 1:
                raise ImproperlyConfigured(f"a channel's capacity is a whole number above 0, not {value!r}.")
        self._default = capacity
        self._by_glob = [(_compiled(glob), value) for glob, value in by_glob.items()]
        self.of = lru_cache(maxsize=1024)(self._of)

    def _of(self, channel: str) -> int:
        return self._by_name(channel, self._default)

    def of_consumer(self, channel: str) -> int:
        """The capacity of a channel that one Channels consumer receives from."""
        default = DEFAULT_CONSUMER_CAPACITY if self._default == DEFAULT_CAPACITY else self._default
        return self._by_name(channel, default)

    def _by_name(self, channel: str, default: int) -> int:
        return next((value for glob, value in self._by_glob if glob.match(channel)), default)


class OverCapacity(NamedTuple):
    """Some of a group's members had no room for its message: ``full`` of ``total``."""

    group: str
    full: int
    total: int


def log_over_capacity(groups: Iterable[OverCapacity]) -> None:
    """Log it as channels-redis does, for whoever looks for that line."""
    for group, full, total in groups:
        logger.info("%d of %d channels over capacity in group %s", full, total, group)


def _compiled(pattern: Any) -> re.Pattern[str]:
    if isinstance(pattern, str):
        return re.compile(translate(pattern))
    if isinstance(pattern, re.Pattern) and isinstance(pattern.pattern, str):
        return pattern
    raise ImproperlyConfigured(f"channel_capacity has globs or regular expressions as its keys, not {pattern!r}.")
