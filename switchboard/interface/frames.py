"""A data frame to clients, encoded once for all who get it.

A server's frames are not masked (RFC 6455, 5.1), so the bytes on the wire are the same for every client, header
included.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

__all__ = ["Frame"]

#: The first byte: the frame is a whole message, of text or of bytes (RFC 6455, 5.2).
_TEXT: Final = 0x81
_BINARY: Final = 0x82


@dataclass(frozen=True, slots=True)
class Frame:
    """``payload`` is what the client reads, ``text`` the same as str if it is text."""

    payload: bytes
    text: str | None = None
    _raw: bytes | None = field(default=None, init=False, repr=False, compare=False)

    @classmethod
    def of_text(cls, text: str) -> Frame:
        """Raises ValueError when ``text`` has a lone surrogate, which UTF-8 can't express."""
        return cls(text.encode(), text)

    @property
    def raw(self) -> bytes:
        """The bytes on the wire."""
        if self._raw is None:
            raw = _header(_BINARY if self.text is None else _TEXT, len(self.payload)) + self.payload
            object.__setattr__(self, "_raw", raw)
            return raw
        return self._raw


def _header(first: int, size: int) -> bytes:
    if size < 126:
        return bytes((first, size))
    if size < 1 << 16:
        return bytes((first, 126)) + size.to_bytes(2)
    return bytes((first, 127)) + size.to_bytes(8)
