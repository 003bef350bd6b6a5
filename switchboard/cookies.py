"""Parse the cookies of a handshake or a request: with Django's parser, so that sockets and pages see the same, and
within bounds, because the header is the client's.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from django.http import parse_cookie

logger = logging.getLogger("switchboard.worker")

#: Longest header that is parsed, in bytes. Common servers (nginx, Apache, gunicorn) refuse a longer one.
MAX_COOKIE_HEADER_BYTES: Final = 8 * 1024
#: Most backslashes in it. Before Python 3.11.10 and 3.12.6 each costs a copy of its cookie: 8 KiB of them take 0.1 s.
MAX_COOKIE_ESCAPES: Final = 256


def parse_cookies(headers: Iterable[Sequence[bytes]], message_id: str) -> dict[str, str]:
    """Return the cookies in ``headers`` by name; none at all where the header is out of bounds."""
    header = b"; ".join(value for name, value in headers if name == b"cookie")
    # Decoded as Django does for a view.
    return parse_cookie(header.decode(errors="replace")) if is_within_bounds(header, message_id) else {}


def is_within_bounds(header: bytes, message_id: str) -> bool:
    """Return whether a header is to be parsed; if it is not, log that once for each message."""
    length, escapes = len(header), header.count(b"\\")
    if length <= MAX_COOKIE_HEADER_BYTES and escapes <= MAX_COOKIE_ESCAPES:
        return True
    _log_once(message_id, length, escapes)
    return False


@lru_cache(maxsize=256)
def _log_once(message_id: str, length: int, escapes: int) -> None:
    # A message that runs again is parsed again.
    logger.warning(
        "%s: its Cookie header of %d bytes (limit %d) with %d escapes (limit %d) counts as no cookies",
        message_id,
        length,
        MAX_COOKIE_HEADER_BYTES,
        escapes,
        MAX_COOKIE_ESCAPES,
    )
