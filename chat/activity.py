"""Who comes and goes, for the operator's log: a channel of our own.

The consumers of sockets write to ``chat.log``, ``write_log`` consumes it, perhaps in another worker (``runworker
--only-channels 'chat.log'``), and what that does takes no time from the conversation. It holds no names and no texts.
"""

from __future__ import annotations

import logging

from chat.dialects import Dialect
from switchboard import Channel, ChannelFull, Message

logger = logging.getLogger("chat.activity")

CHANNEL = "chat.log"


def note(event: str, label: str, dialect: Dialect) -> None:
    """Put a line for the log on the channel. Where nobody consumes it and it is full, the line is lost: people's
    messages must not wait for a log."""
    try:
        Channel(CHANNEL).send({"event": event, "room": label, "dialect": dialect.name})
    except ChannelFull:
        logger.warning("%s is full; nobody seems to consume it", CHANNEL)


def write_log(message: Message) -> None:
    line = message.content
    logger.info("%s %s (%s)", line["room"], line["event"], line["dialect"])
