"""Interfaces that live on the host that a test wants."""

from __future__ import annotations

from switchboard.layers.base import Layer
from switchboard.layers.redis.homes import Homes
from switchboard.names import new_interface

HOMES = Homes(2)


async def interface_at(layer: Layer, place: int) -> str:
    """A new interface whose home is the host at ``place``."""
    name = next(name for name in iter(new_interface, "") if HOMES.of_name(name) == place)
    await layer.open_inbox(name)
    return name
