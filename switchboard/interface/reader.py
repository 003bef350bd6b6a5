"""Takes what comes into the inbox to sockets, groups and requests, in order, an entry whole before the next.

What a commit has for the socket whose message it handled counts only while that message is the one under way: anything
else is an echo of something that was handled before. What it has for groups, and for other sockets, counts always.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from switchboard.events import Ack, Claimed, Content, GroupMessage, InboxEntry, InboxEvent, Join, Leave, Reply, Tip
from switchboard.exceptions import LayerUnavailable
from switchboard.interface.exchange import Exchanges
from switchboard.interface.groups import Groups, read_content
from switchboard.interface.heart import AWAY_PAUSE, Heart
from switchboard.interface.inbox import Inbox
from switchboard.interface.leaver import Leaver
from switchboard.interface.numbering import Delivery
from switchboard.interface.recovery import Reaped
from switchboard.interface.sockets import Sockets

__all__ = ["Reader"]

logger = logging.getLogger(__name__)

#: Seconds that one read of the inbox waits for an entry.
READ_WAIT: Final = 2.0


class Reader:
    """``step`` is repeated by the hub. ``report_gone`` is called for a response that nobody waits for any more."""

    def __init__(
        self,
        inbox: Inbox,
        heart: Heart,
        *,
        sockets: Sockets,
        groups: Groups,
        leaver: Leaver,
        exchanges: Exchanges,
        report_gone: Callable[[str], None],
    ) -> None:
        self._inbox = inbox
        self._heart = heart
        self._sockets = sockets
        self._groups = groups
        self._leaver = leaver
        self._exchanges = exchanges
        self._report_gone = report_gone
        self._away = False  # the layer did not answer when it was last asked for entries

    async def step(self) -> None:
        """Wait for entries, and take them. Raises a `Doubt`, or `InboxLost`; a layer that is away is waited for."""
        try:
            entries = await self._inbox.read(wait=READ_WAIT)
            if self._away:
                await self._heart.beat()  # who knows what came back
        except LayerUnavailable as error:
            if not self._away:
                logger.warning("the inbox can't be read: %s", error)
            self._away = True
            await asyncio.sleep(AWAY_PAUSE)
            return
        if self._away:
            logger.info("the inbox can be read again")
            self._away = False
            self._sockets.again()
        now = _now()
        for entry in entries:
            self._inbox.take(entry)
            self._take(entry, now)
        self._heart.settle()
        await asyncio.sleep(0)  # a layer that answers without waiting must not starve the others

    def _take(self, entry: InboxEntry, now: float) -> None:
        # Asked before anything takes effect: the entry's own acknowledgement changes what is under way.
        counts = entry.socket is None or self._sockets.takes(entry.socket, entry.order)
        for event in entry.events:
            if isinstance(event, Ack) and event.failed and event.order > 0 and _answers(entry):
                # A dead letter is failed even where its error hook answered; what the interface says then would come
                # as a second answer, and be taken for that of the next message.
                event = replace(event, failed=False)
            if counts or isinstance(event, (GroupMessage, Tip)) or event.channel != entry.socket:
                self._handle(event, now)
            elif isinstance(event, Join):
                self._leaver.look(event.group)
            elif isinstance(event, Ack):
                self._check_stranger(event)

    def _check_stranger(self, ack: Ack) -> None:
        """Raises Reaped if a message was handled that would be the next of a socket, if we had sent it."""
        last = self._sockets.last_order(ack.channel)
        if last is not None and ack.order > last:
            raise Reaped(f"somebody else reported {ack.channel}")

    def _handle(self, event: InboxEvent, now: float) -> None:
        match event:
            case GroupMessage(group, content, seq):
                self._deliver(self._groups.message(group, content, seq, now))
                self._leaver.look(group)  # if nobody is in it: the layer should not think so
            case Reply(channel, content):
                self._reply(channel, content, now)
            case Ack(channel, order, failed, session):
                self._sockets.acknowledge(channel, order, failed=failed, session=session)
            case Join(channel, group, seq):
                if self._sockets.is_open(channel):
                    self._deliver(self._groups.join(group, channel, seq, now))
                else:
                    self._leaver.look(group)
            case Leave(channel, group):
                self._groups.leave(group, channel, now)
                self._leaver.look(group)
            case Tip(group, seq):
                self._groups.tip(group, seq, now)
            case Claimed(channel, worker):
                self._exchanges.claimed(channel, worker)

    def _deliver(self, deliveries: Iterable[Delivery]) -> None:
        for channels, answer in deliveries:
            self._sockets.answer_all(channels, answer)

    def _reply(self, channel: str, content: Content, now: float) -> None:
        if self._exchanges.reply(channel, content):
            return
        repaired = self._groups.answer(channel, content, now)
        if repaired is not None:
            self._deliver(repaired)
        elif self._sockets.is_open(channel):
            answer = read_content(content, channel)
            if answer is not None:
                self._sockets.answer(channel, answer)
        elif "report" in content:
            self._report_gone(channel)


def _answers(entry: InboxEntry) -> bool:
    """Whether the socket whose message was handled is answered."""
    return any(isinstance(event, Reply) and event.channel == entry.socket for event in entry.events)


def _now() -> float:
    return asyncio.get_running_loop().time()
