"""Speaking for the dead: the disconnects of an interface that is gone, the traces of a worker that is gone.

Every worker does this; it is safe to do it several times. An interface is dead when its heartbeat stood still for a
whole lease under the eyes of workers, of whichever lived: where each lives for less than a lease, as when they are
restarted again and again, none would see it alone. Each of its sockets then gets the ``websocket.disconnect`` that
nobody else will send, as soon as the message that was under way is done; when the last one is handled, its inbox goes.
An interface that was only slow finds its sockets unknown, closes them and begins anew.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping

from switchboard.events import Envelope
from switchboard.exceptions import LayerUnavailable
from switchboard.layers.base import Layer, SocketState
from switchboard.leases import Stillness
from switchboard.names import DISCONNECT

logger = logging.getLogger("switchboard.worker")

#: What a browser reports of a connection that just ended; nobody was there to see a better one.
ABNORMAL_CLOSURE = 1006


class Reaper:
    """Looks after interfaces and workers that may have died; ``lease`` is in seconds."""

    def __init__(self, layer: Layer, worker: str, channels: Collection[str], lease: float) -> None:
        self._layer = layer
        self._worker = worker
        self._channels = channels
        self._lease = lease
        #: Seconds from one look to the next.
        self.interval = min(lease / 9, 5.0)
        #: Seconds between two looks after which nobody has watched.
        self._unbroken = 3 * self.interval
        self._workers: Stillness[str] = Stillness(unbroken=self._unbroken)

    async def look(self) -> None:
        """One look, and whatever has to be done."""
        try:
            interfaces = await self._layer.watch_interfaces(unbroken=self._unbroken)
            workers = await self._layer.worker_beats()
        except LayerUnavailable:
            self._workers.interrupted()
            return
        dead_interfaces = self._dead(interfaces)
        still = self._workers.look(workers, time.monotonic())
        dead_workers = [name for name in self._dead(still) if name != self._worker]
        try:
            for interface in dead_interfaces:
                await self._reap(interface)
            for worker in dead_workers:
                await self._layer.retire(worker, self._channels)
        except LayerUnavailable as error:
            logger.warning("cannot clean up after the dead: %s", error)

    def _dead(self, still: Mapping[str, float]) -> list[str]:
        return [name for name, seconds in still.items() if seconds >= self._lease]

    async def _reap(self, interface: str) -> None:
        sockets = await self._layer.sockets_of(interface)
        if not sockets:
            await self._layer.close_inbox(interface)
            logger.warning("%s is gone; nothing is left of it", interface)
        for socket in sockets:
            # What is under way comes first; its turn is at a later look.
            if socket.sent == socket.acked:
                await self._layer.enqueue(_disconnect(socket))


def _disconnect(socket: SocketState) -> Envelope:
    order = socket.sent + 1
    content = {
        "reply_channel": socket.channel,
        "path": socket.path,
        "code": ABNORMAL_CLOSURE,
        "order": order,
    }
    return Envelope(DISCONNECT, f"{socket.channel}/{order}", content, socket.channel, order)
