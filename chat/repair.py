"""Bringing an interface the messages that its members missed.

A room's groups are numbered. An interface that sees a number missing for a second asks the channel ``group.repair`` for
everything after the last one it has, and is answered from the database: the rows in their order, as they would have
been broadcast, and up to which number that is everything. A number without a row is a deleted message.
"""

from __future__ import annotations

import logging

from chat import broadcast, services
from switchboard import Message

logger = logging.getLogger(__name__)

#: Messages in one answer, and bytes of their frames; an interface that needs more asks again.
ROWS = 200
ROWS_BYTES = 256 * 1024

Rows = list[list[object]]


def repair(message: Message) -> None:
    """Answer with the numbered contents of ``group`` after the number ``after``."""
    name, after = message.content["group"], message.content["after"]
    if not isinstance(name, str) or not isinstance(after, int) or message.reply_channel is None:
        logger.error("A message on group.repair is not a request: %r", message.content)
        return
    rows, upto = _after(name, after)
    message.reply_channel.send({"rows": rows, "upto": upto})


def _after(name: str, after: int) -> tuple[Rows, int]:
    found = broadcast.read_group_name(name)
    if found is None:
        logger.warning("Nobody knows what the numbered group %s was sent", name)
        return [], after
    label, dialect = found
    page = services.after(label, after, limit=ROWS)
    rows: Rows = []
    upto = after
    room_left = ROWS_BYTES
    for stored in page.messages:
        content = broadcast.frame(stored.as_line(), dialect)
        if content is None:  # a tombstone, to those who know none
            continue
        room_left -= len(content["text"].encode())
        if rows and room_left < 0:
            return rows, upto
        upto = stored.seq
        rows.append([stored.seq, content])
    return rows, page.seq
