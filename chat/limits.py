"""How often somebody may do something, counted where all workers see it: in the database.

Each thing that is limited is a *bucket*: it holds ``burst`` tokens, an act takes one, and every ``every`` seconds one
comes back. A row of ``Allowance`` needs one number for that: the moment at which the bucket will be full again (the
"virtual scheduling" of ATM's generic cell rate algorithm). A token taken moves it ``every`` seconds later; when that
would be more than a whole bucket from now, there is none, and the difference is how long to wait. A row whose moment
has passed says what no row says, so rows are removed as they grow old and nothing else ends them.

What one act needs of several buckets it gets whole or not at all, and a refused act costs nothing: who waits as told is
let in. Buckets are locked in the order of their keys and after any room, so that those who wait for each other are
never a circle. Two who are the first at the same new bucket at the same moment (PostgreSQL only) may count as one.

The clocks of the workers count; where they differ by a second, so do the limits.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from django.conf import settings
from django.db import transaction
from django.utils.crypto import salted_hmac

from chat import addresses
from chat.models import Allowance

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_RATE = re.compile(r"(?:(?P<burst>\d{1,6}) *, *)?(?P<count>\d{1,6})/(?P<unit>[smhd])")

#: A room that was opened from an address so many seconds ago or less is not counted again.
SAME_ROOM_SECONDS = 60.0
#: Old rows are looked for so often by each worker, and removed at most so many at once.
SWEEP_SECONDS = 60.0
SWEEP_ROWS = 1_000

#: The keys of ``CHAT_LIMITS``.
NAMES = ("MESSAGES", "ADDRESS_MESSAGES", "NEW_ROOMS", "ROOMS", "NEW_ACCOUNTS")

_swept_at = 0.0


@dataclass(frozen=True)
class Rate:
    burst: int
    #: Seconds until a token comes back.
    every: float

    @classmethod
    def parse(cls, text: str) -> Rate | None:
        """``"8, 1/s"`` is a burst of 8 and one a second, ``"10/h"`` a burst of 10 and ten an hour; ``""``, ``"0"`` and
        ``"off"`` are no limit. Raises ``ValueError``."""
        if text.strip() in ("", "0", "off"):
            return None
        found = _RATE.fullmatch(text.strip())
        if found is None or not int(found["count"]) or found["burst"] == "0":
            raise ValueError(f"{text!r} is no rate: it has to be like 8, 1/s or 10/h, or off")
        count = int(found["count"])
        return cls(int(found["burst"] or count), _UNITS[found["unit"]] / count)


@dataclass(frozen=True)
class Bucket:
    key: str
    rate: Rate


@dataclass(frozen=True)
class Want:
    """What one act takes: a token of each bucket. With a ``mark`` it takes none if the mark was set lately, by an act
    that was granted; one that is granted sets it."""

    buckets: tuple[Bucket, ...]
    mark: Bucket | None = None


#: What is not limited.
NOTHING = Want(())


def spend(wants: Sequence[Want], now: float | None = None) -> list[float]:
    """Grant acts in their order: for each 0, or the seconds after which it could be. Two queries, however many.

    To be called inside a transaction: what was taken is given back if that is rolled back.
    """
    keys = {bucket.key for want in wants for bucket in (*want.buckets, want.mark) if bucket is not None}
    if not keys:
        return [0.0] * len(wants)
    now = time.time() if now is None else now
    rows = Allowance.objects.select_for_update().filter(key__in=keys).order_by("key")
    before = {row.key: row.full_at for row in rows}
    full_at = dict(before)
    waits = [_grant(want, full_at, now) for want in wants]
    changed = [Allowance(key=key, full_at=at) for key, at in sorted(full_at.items()) if before.get(key) != at]
    if changed:
        Allowance.objects.bulk_create(changed, update_conflicts=True, unique_fields=["key"], update_fields=["full_at"])
        _sweep_now_and_then(now)
    return waits


def _grant(want: Want, full_at: dict[str, float], now: float) -> float:
    if want.mark is not None and full_at.get(want.mark.key, 0.0) > now:
        return 0.0
    taken = {bucket.key: max(full_at.get(bucket.key, 0.0), now) + bucket.rate.every for bucket in want.buckets}
    wait = max((taken[b.key] - now - b.rate.burst * b.rate.every for b in want.buckets), default=0.0)
    # A clock is no ruler: a wait below a millisecond is none.
    if wait > 0.001:
        return wait
    full_at.update(taken)
    if want.mark is not None:
        full_at[want.mark.key] = now + want.mark.rate.every
    return 0.0


def spend_one(want: Want) -> float:
    """``spend`` for one act, in a transaction of its own."""
    if not want.buckets:
        return 0.0
    with transaction.atomic():
        return spend([want])[0]


# -- what is limited


def message(who: str, address: str) -> Want:
    """Somebody says something, or takes another handle."""
    return _want(("MESSAGES", who), ("ADDRESS_MESSAGES", addresses.customer(address)))


def room_opened(label: str, address: str) -> Want:
    """A room is looked at. The same one again within a minute is free."""
    customer = addresses.customer(address)
    want = _want(("ROOMS", customer))
    mark = Bucket(_key("opened", f"{customer} {label}"), Rate(1, SAME_ROOM_SECONDS))
    return Want(want.buckets, mark) if want.buckets else want


def room_made(address: str) -> Want:
    return _want(("NEW_ROOMS", addresses.customer(address)))


def account_made(address: str) -> Want:
    return _want(("NEW_ACCOUNTS", addresses.customer(address)))


def rate_of(name: str) -> Rate | None:
    """The limit of that name in ``CHAT_LIMITS``; None if there is none."""
    return _parsed(str(getattr(settings, "CHAT_LIMITS", {}).get(name) or ""))


def _want(*kinds: tuple[str, str]) -> Want:
    rates = ((name, value, rate_of(name)) for name, value in kinds if value)
    return Want(tuple(Bucket(_key(name, value), rate) for name, value, rate in rates if rate is not None))


def _key(kind: str, value: str) -> str:
    # Nobody's address or session is to be read in the table.
    return f"{kind.lower()}:{_hidden(value)}"


@lru_cache(10_000)
def _hidden(value: str) -> str:
    return salted_hmac("chat.limits", value).hexdigest()[:32]


@cache
def _parsed(text: str) -> Rate | None:
    return Rate.parse(text)


# -- rows that say nothing any more


def sweep(now: float | None = None, limit: int = SWEEP_ROWS) -> int:
    """Remove at most ``limit`` rows of full buckets; how many. Rows in somebody's hands are left to the next time."""
    now = time.time() if now is None else now
    with transaction.atomic():
        old = Allowance.objects.select_for_update(skip_locked=True).filter(full_at__lt=now)
        keys = list(old.values_list("key", flat=True)[:limit])
        return Allowance.objects.filter(key__in=keys).delete()[0] if keys else 0


def _sweep_now_and_then(now: float) -> None:
    global _swept_at
    if now - _swept_at >= SWEEP_SECONDS:
        _swept_at = now
        sweep(now)
