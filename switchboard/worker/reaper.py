"""Speaking for the dead: the disconnects of an interface that is gone, the traces of a worker that is gone.

Every worker does this; it is safe to do it several times. An interface is dead when its heartbeat stood still for a
whole lease under the eyes of workers, of whichever lived: where each lives for less than a lease, as when they are
restarted again and again, none would see it alone. Each of its sockets then gets the ``websocket.disconnect`` that
nobody else will send, as soon as the message that was under way is done; when the last one is handled, its inbox goes.
An interface that was only slow finds its sockets unknown, closes them and begins anew.

Workers share one scan of a dead interface's sockets (`Layer.scan_sockets`), so they divide them. What a worker had that
died meanwhile comes up again in the next scan, and the orders of the disconnects see to it that each counts once.
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

#: Sockets that a worker reports in one look, at most: it has other work as well, and Redis other clients.
MAX_REPORTED = 5_000
#: What a browser reports of a connection that just ended; nobody was there to see a better one.
ABNORMAL_CLOSURE = 1006


class Reaper:
    """Looks after interfaces and workers that may have died; ``lease`` is in seconds."""

    def __init__(self, layer: Layer, worker: str, channels: Collection[str], lease: float) -> None:
        self._layer = layer
        self._worker = worker
        self._channels = channels
        self._lease = lease
        #: Seconds from one look to the next. A death is noticed two of them after the lease at the latest.
        self.interval = min(lease / 18, 2.5)
        #: Seconds between two looks after which nobody has watched.
        self._unbroken = 6 * self.interval
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
            left = MAX_REPORTED
            for interface in dead_interfaces:
                left -= await self._reap(interface, left)
            for worker in dead_workers:
                await self._layer.retire(worker, self._channels)
        except LayerUnavailable as error:
            logger.warning("cannot clean up after the dead: %s", error)

    def _dead(self, still: Mapping[str, float]) -> list[str]:
        return [name for name, seconds in still.items() if seconds >= self._lease]

    async def _reap(self, interface: str, most: int) -> int:
        """Report up to about ``most`` sockets of a dead interface; return how many."""
        reported = 0
        while reported < most:
            page = await self._layer.scan_sockets(interface, every=2 * self.interval)
            if page is None:
                await self._layer.close_inbox(interface)
                logger.warning("%s is gone; nothing is left of it", interface)
                break
            # What is under way comes first; the disconnects of such sockets are for a later scan.
            await self._layer.enqueue_many([_disconnect(socket) for socket in page.sockets])
            reported += len(page.sockets)
            if not page.more:
                break
        if reported:
            logger.info("%s: no heartbeat for %g s; reported %d of its sockets", interface, self._lease, reported)
        return reported


def _disconnect(socket: SocketState) -> Envelope:
    order = socket.sent + 1
    content = {
        "reply_channel": socket.channel,
        "path": socket.path,
        "code": ABNORMAL_CLOSURE,
        "order": order,
    }
    return Envelope(DISCONNECT, f"{socket.channel}/{order}", content, socket.channel, order)
