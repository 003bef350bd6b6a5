"""Closed sockets that nobody reports, for applications that keep a list of sockets, as of who is in a room.

Mostly a socket leaves such a list with its ``websocket.disconnect``. That is reported as long as Redis keeps its data.
When Redis loses them within the lease of an interface that was killed, nobody is left who could report its sockets. So
workers send a message on the channel ``websocket.reconcile``, three times in each ``INTERFACE_LEASE``, if the
application consumes it, and it can then ask which of the interfaces on its list are dead::

    def reconcile(message):
        listed = Seat.objects.values_list("interface", flat=True).distinct()
        Seat.objects.filter(interface__in=dead_interfaces(listed)).delete()

The interface of a socket is what stands before the ``!`` of its reply channel.
"""

from __future__ import annotations

from collections.abc import Iterable

from switchboard.bridging import call
from switchboard.conf import get_settings
from switchboard.exceptions import LayerUnavailable
from switchboard.layers.base import Layer
from switchboard.layers.named import get_layer

__all__ = ["adead_interfaces", "dead_interfaces"]


def dead_interfaces(interfaces: Iterable[str]) -> set[str]:
    """Return those of ``interfaces`` whose sockets are all closed and will not be reported (any more).

    Empty while that cannot be told: for an ``INTERFACE_LEASE`` after Redis, or the first worker, was started, and while
    Redis does not answer. Read the names before you call this, and act on no others: an interface that was read, and
    lives, is known by now. All of them have to be interfaces on the layer ``SWITCHBOARD["LAYER"]``; those on another
    one would seem dead.

    Raises:
        RuntimeError: called on an event loop where it would have to wait; use `adead_interfaces`.
    """
    names = set(interfaces)  # read before the layer is asked, also where it is a query
    return call(get_layer(get_settings().LAYER), lambda layer: _dead(layer, names)) if names else set()


async def adead_interfaces(interfaces: Iterable[str]) -> set[str]:
    """`dead_interfaces` for ``async def``."""
    names = set(interfaces)
    return await _dead(get_layer(get_settings().LAYER), names) if names else set()


async def _dead(layer: Layer, names: set[str]) -> set[str]:
    try:
        known = await layer.known_interfaces(watched=get_settings().INTERFACE_LEASE)
    except LayerUnavailable:
        return set()  # the next message asks again; this one would wait for all hosts
    return set() if known is None else names - set(known)
