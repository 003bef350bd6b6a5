"""Which pages may open a socket here.

A browser lets any page open a socket to any host, with the cookies of that host, and says in ``Origin`` which page it
was. Channels' validator compares it with ``ALLOWED_HOSTS``. What has no Origin comes from no browser, so no browser's
cookies are misused; Channels refuses it, here a setting lets it in.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlparse

from channels.security.websocket import AllowedHostsOriginValidator

__all__ = ["OriginCheck"]


class OriginCheck:
    """Reads the settings when it is made."""

    def __init__(self, *, allow_missing: bool) -> None:
        self._allow_missing = allow_missing
        self._validator = AllowedHostsOriginValidator(None)

    def allows(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        """Whether a handshake with these headers may go on."""
        origins = [value for name, value in headers if name == b"origin"]
        if not origins:
            return self._allow_missing
        return all(self._allowed(origin.decode("latin1")) for origin in origins)

    def _allowed(self, origin: str) -> bool:
        try:
            return bool(self._validator.valid_origin(urlparse(origin)))
        except ValueError:  # urlparse on "http://[" and the like
            return False
