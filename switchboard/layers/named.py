"""The layers that ``CHANNEL_LAYERS`` names, by their aliases."""

from __future__ import annotations

import threading
from typing import Any

from channels.exceptions import InvalidChannelLayerError
from channels.layers import channel_layers
from django.core.exceptions import ImproperlyConfigured

from switchboard.layers.base import Layer
from switchboard.layers.extensions import lacking
from switchboard.layers.plain import PlainLayer, sender_on

__all__ = ["LacksExtensions", "get_layer", "get_sender"]


#: Channels makes a layer when it is first asked for, without a lock: threads that ask at once would get two layers, and
#: what one sends on its own could be lost to the other. It is held only to look a layer up, or to make it.
_making = threading.Lock()


class LacksExtensions(ImproperlyConfigured):
    """A layer on which no interface and no worker can run; ``lacking`` are the extensions that it does not name."""

    def __init__(self, alias: str, layer: Any, lacking: list[str]) -> None:
        kind = type(layer)
        super().__init__(
            f"CHANNEL_LAYERS[{alias!r}] is a {kind.__module__}.{kind.__qualname__}, on which no interface and no "
            f"worker can run: it lacks {', '.join(lacking)}. switchboard.layers.redis.RedisLayer has them, and "
            "ordinary Channels consumers run on that unchanged."
        )
        self.lacking = lacking


def get_layer(alias: str = "default") -> Layer:
    """The layer of that alias, for interfaces and workers.

    Raises:
        LacksExtensions: it is a layer, but not one for them.
        ImproperlyConfigured: there is none, or it cannot be made.
    """
    layer: Layer = _named(alias)
    missing = lacking(layer)
    if missing:
        raise LacksExtensions(alias, layer, missing)
    return layer


def get_sender(alias: str = "default") -> Layer | PlainLayer:
    """The layer of that alias, to send on: any layer will do, see `plain`.

    Raises:
        ImproperlyConfigured: there is none, or it cannot be made.
    """
    made = channel_layers.backends.get(alias)  # asked for at each send
    return made if isinstance(made, Layer) else sender_on(_named(alias))


def _named(alias: str) -> Any:
    if alias not in channel_layers.configs and alias not in channel_layers.backends:
        raise ImproperlyConfigured(f"CHANNEL_LAYERS has no {alias!r}.")
    try:
        with _making:
            return channel_layers[alias]
    except (InvalidChannelLayerError, TypeError, ValueError, LookupError) as error:
        raise ImproperlyConfigured(f"CHANNEL_LAYERS[{alias!r}] cannot be made: {error}") from error
