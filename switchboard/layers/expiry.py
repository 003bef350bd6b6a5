"""How long Channels' messages and memberships last: ``expiry`` and ``group_expiry`` of a layer's ``CONFIG``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured

#: Seconds that a membership of Channels' lasts after the last `group_add`, or without a `receive`; Channels' default.
DEFAULT_GROUP_EXPIRY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Expiry:
    """Seconds. ``messages`` is None where nothing expires, which is the default, unlike that of channels-redis.

    Raises:
        ImproperlyConfigured: one is no number above 0.
    """

    messages: float | None = None
    groups: float = DEFAULT_GROUP_EXPIRY

    @classmethod
    def of_config(cls, expiry: Any, group_expiry: Any) -> Expiry:
        """The values of ``CONFIG``, of any type, None where it has none."""
        for name, value in (("expiry", expiry), ("group_expiry", group_expiry)):
            if value is not None and not _is_duration(value):
                raise ImproperlyConfigured(f"{name} is a number of seconds above 0, not {value!r}.")
        return cls(expiry, DEFAULT_GROUP_EXPIRY if group_expiry is None else group_expiry)


def _is_duration(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and math.isfinite(value) and value > 0
