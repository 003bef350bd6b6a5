"""The heartbeat, and the questions that only a beat can answer.

A beat shows that the interface lives, and tells whether the layer's data are still the same. When somebody has a
doubt, the heart beats at once. What the doubt was about is judged by a beat that began *after* it:

* A message is *done*, but its acknowledgement has not come. Whatever the commit wrote is in the inbox up to the
  number that the beat tells; if it is not among that, it is lost.
* A record is *unknown* while the data are the same: see `recovery`.
* The layer did not hear of us for a whole lease: records that moved on without us say that we were taken for dead.

After data were lost, old ones may be back, with records of sockets that ended since then. Nobody else looks for these
while we live, so they are given their disconnect from here.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from switchboard.events import Content, Envelope
from switchboard.exceptions import LayerUnavailable
from switchboard.interface.client_end import ABNORMAL_CLOSURE
from switchboard.interface.inbox import Inbox
from switchboard.interface.recovery import Reaped
from switchboard.interface.sockets import Sockets
from switchboard.layers.base import Layer, SocketState
from switchboard.names import DISCONNECT
from switchboard.waiting import within

__all__ = ["Heart"]

logger = logging.getLogger(__name__)

#: Seconds between two tries while the layer does not answer.
AWAY_PAUSE: Final = 0.5

#: A message that is done: its socket, its order, the session after it.
_Done = tuple[str, int, Content | None]


class Heart:
    """``step`` is repeated by the hub; the other methods note a doubt."""

    def __init__(self, layer: Layer, inbox: Inbox, sockets: Sockets, *, interval: float, lease: float) -> None:
        self._layer = layer
        self._inbox = inbox
        self._sockets = sockets
        self._interval = interval
        self._lease = lease
        self._soon = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._done: list[_Done] = []
        self._settling: list[tuple[int, _Done]] = []
        self._unknown: list[str] = []
        self._strays = False
        self._beaten_at = 0.0

    def begin(self, *, old_data: bool) -> None:
        """The inbox is new; what was doubtful has been asked again."""
        self._done.clear()
        self._settling.clear()
        self._unknown.clear()
        self._beaten_at = asyncio.get_running_loop().time()
        self._strays = self._strays or old_data

    # -- doubts

    def done(self, channel: str, order: int, session: Content | None) -> None:
        """The layer said that a message was handled before."""
        self._done.append((channel, order, session))
        self._soon.set()

    def unknown(self, channel: str) -> None:
        """The layer has no record of a socket."""
        self._unknown.append(channel)
        self._soon.set()

    # -- beats

    async def step(self) -> None:
        """Wait until it is time, and beat. Raises what `beat` does, but for a layer that is away."""
        doubtful = await within(self._soon, self._interval)
        self._soon.clear()
        try:
            await self.beat()
        except LayerUnavailable as error:
            logger.warning("no heartbeat: %s", error)
            if doubtful:
                self._soon.set()
                await asyncio.sleep(AWAY_PAUSE)

    async def beat(self) -> None:
        """Beat once, and judge what was doubtful.

        Raises:
            InboxLost, DataLost: see `Inbox.beat`.
            Reaped: this interface was taken for dead.
            LayerUnavailable: nothing was judged.
        """
        async with self._one_at_a_time:
            await self._beat()

    async def _beat(self) -> None:
        began, done, unknown = asyncio.get_running_loop().time(), len(self._done), len(self._unknown)
        await self._inbox.beat()
        if began - self._beaten_at >= self._lease:
            await self._look_for_our_grave()
        self._beaten_at = began
        self._settling += [(self._inbox.last, message) for message in self._done[:done]]
        del self._done[:done]
        self.settle()
        for channel in self._unknown[:unknown]:
            if not self._sockets.is_reported(channel):
                raise Reaped(f"the layer has no record of {channel}")
        del self._unknown[:unknown]
        if self._strays:
            await self._report_strays()

    def settle(self) -> None:
        """Judge the messages whose acknowledgements would have been read by now."""
        if self._settling:
            settled = [message for last, message in self._settling if last <= self._inbox.taken]
            self._settling = [(last, message) for last, message in self._settling if last > self._inbox.taken]
            for message in settled:
                self._sockets.settled(*message)

    async def _look_for_our_grave(self) -> None:
        for state in await self._layer.sockets_of(self._inbox.name):
            last = self._sockets.last_order(state.channel)
            if last is not None and state.sent > last:
                raise Reaped(f"somebody else reported {state.channel}")

    async def _report_strays(self) -> None:
        left = False
        # Nobody else scans while we live, so we get all pages.
        while page := await self._layer.scan_sockets(self._inbox.name, every=0, include_busy=True):
            strays = [state for state in page.sockets if self._sockets.last_order(state.channel) is None]
            left = left or bool(strays)
            # What is under way comes first; the disconnects of such sockets are for a later beat.
            await self._layer.enqueue_many([_disconnect(state) for state in strays if state.sent == state.acked])
            if not page.more:
                break
        self._strays = left


def _disconnect(socket: SocketState) -> Envelope:
    order = socket.sent + 1
    content = {"path": socket.path, "code": ABNORMAL_CLOSURE, "order": order, "reply_channel": socket.channel}
    return Envelope(DISCONNECT, f"{socket.channel}/{order}", content, socket.channel, order)
