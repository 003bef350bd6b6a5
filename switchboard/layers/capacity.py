"""How much a layer holds: ``capacity`` and ``channel_capacity`` of its ``CONFIG``, and what nobody sets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import translate
from functools import lru_cache
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured

from switchboard.names import HTTP_REQUEST

#: Each socket has one message under way at most, so this many sockets are served before anyone is refused.
DEFAULT_CAPACITY: Final = 10_000
#: Requests wait while somebody looks at a blank page: refuse early.
DEFAULT_CHANNEL_CAPACITY: Final[Mapping[str, int]] = {HTTP_REQUEST: 1_000}
#: Dead letters that are kept. They wait for a human, and each may be as large as a message gets.
MOST_DEAD_LETTERS: Final = 1_000


class Capacities:
    """``channel_capacity`` maps globs to capacities, the first that matches wins; others have ``capacity``."""

    def __init__(self, capacity: int = DEFAULT_CAPACITY, channel_capacity: Mapping[str, int] | None = None) -> None:
        by_glob: dict[str, int] = dict(channel_capacity or {})
        for glob, least in DEFAULT_CHANNEL_CAPACITY.items():
            by_glob.setdefault(glob, least)
        given: list[Any] = [capacity, *by_glob.values()]  # from settings, so of any type
        for value in given:
            if not isinstance(value, int) or value < 1:
                raise ImproperlyConfigured(f"a channel's capacity is a whole number above 0, not {value!r}.")
        self._default = capacity
        self._by_glob = [(re.compile(translate(glob)), value) for glob, value in by_glob.items()]
        self.of = lru_cache(maxsize=1024)(self._of)

    def _of(self, channel: str) -> int:
        return next((value for glob, value in self._by_glob if glob.match(channel)), self._default)
