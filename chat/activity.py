"""Who comes and goes, for the operator's log: a channel of our own.

The consumers of sockets write to ``chat.log``, ``write_log`` consumes it, perhaps in another worker (``runworker
--only-channels 'chat.log'``), and what that does takes no time from the conversation. It holds no names and no texts.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from chat.dialects import Dialect
from switchboard import Channel, ChannelFull, Message

logger = logging.getLogger("chat.activity")

CHANNEL = "chat.log"


def note(event: str, sockets: Sequence[tuple[str, Dialect]]) -> None:
    """Put a line for the log on the channel for each of these rooms and dialects. Where nobody consumes it and it is
    full, the lines are lost: people's messages must not wait for a log."""
    lines = [{"event": event, "room": label, "dialect": dialect.name} for label, dialect in sockets]
    try:
        Channel(CHANNEL).send({"lines": lines})
    except ChannelFull:
        logger.warning("%s is full; nobody seems to consume it", CHANNEL)


def write_log(message: Message) -> None:
    # One that a worker of an older release put there is a line itself.
    for line in message.content.get("lines") or [message.content]:
        logger.info("%s %s (%s)", line["room"], line["event"], line["dialect"])
