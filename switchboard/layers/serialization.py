"""What goes over the wire as bytes: by channels-redis' serializers, so that its settings mean the same here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from channels_redis.serializers import registry

from switchboard.events import Content
from switchboard.exceptions import ContentError


class Serializer:
    """Bytes from contents and back, with the format and the keys that ``CONFIG`` names.

    ``symmetric_encryption_keys``: the first encrypts, all decrypt, so that keys can be rotated. Raises ``KeyError``
    for an unknown format, ``ValueError`` for keys that are no list.
    """

    def __init__(self, serializer_format: str = "msgpack", symmetric_encryption_keys: Sequence[str] = ()) -> None:
        self._inner = registry.get_serializer(
            serializer_format, symmetric_encryption_keys=symmetric_encryption_keys or None
        )

    def dumps(self, value: Any) -> bytes:
        """``value`` as bytes.

        Raises:
            ContentError: it holds something the format has no form for.
        """
        try:
            return cast(bytes, self._inner.serialize(value))
        except (TypeError, ValueError, OverflowError) as error:
            raise ContentError(f"this cannot go over the wire: {error}") from error

    def loads(self, data: bytes) -> Any:
        """What `dumps` made ``data`` of; tuples come back as lists."""
        return self._inner.deserialize(data)

    def copy(self, content: Content) -> Content:
        """``content`` as its receiver would see it."""
        return cast(Content, self.loads(self.dumps(content)))
