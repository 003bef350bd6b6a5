"""A frame: what one socket said, read in its dialect, and how it is answered."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.utils.translation import gettext as _

from chat import limits
from chat.dialects import DIALECTS, Dialect
from chat.languages import language_of
from chat.models import Member
from chat.protocol import Post, Refusal, Request
from switchboard import Message

logger = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class Frame:
    message: Message
    label: str
    dialect: Dialect
    #: What it asks for, or why that cannot be said.
    request: Request | Refusal
    #: Who sits at the socket, once that was looked up.
    member: Member | None = None

    @property
    def socket(self) -> str:
        assert self.message.reply_channel is not None
        return self.message.reply_channel.name

    @property
    def cid(self) -> str | None:
        return self.request.cid if isinstance(self.request, Post) else None

    @property
    def want(self) -> limits.Want:
        """What it takes to say something here."""
        session = self.message.channel_session
        return limits.message(session.get("who", ""), session.get("address", ""))

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Within the block what is sent leaves with this frame, and sentences are in the language of its socket."""
        with self.message.sending(), language_of(self.message):
            yield

    def answer(self, text: str | None) -> None:
        if text is not None and self.message.reply_channel is not None:
            self.message.reply_channel.send({"text": text})

    def close(self, code: int) -> None:
        assert self.message.reply_channel is not None
        with self.answering():
            self.message.reply_channel.send({"close": code})

    def refuse(self, refusal: Refusal) -> None:
        logger.info("Refused a frame in %s (%s): %s", self.label, self.dialect.name, refusal.code)
        self.answer(self.dialect.nack(refusal))


def read(message: Message) -> Frame | None:
    """None for what was sent before the close of a socket without a room got there."""
    dialect = dialect_of(message)
    if dialect is None:
        return None
    text = message.content.get("text")
    with language_of(message):
        binary = Refusal("binary", _("This socket takes text frames only."))
        request = dialect.parse(text) if isinstance(text, str) else binary
    return Frame(message, message.channel_session["room"], dialect, request)


def dialect_of(message: Message) -> Dialect | None:
    """The dialect that a socket speaks; None where it has no room."""
    name = message.channel_session.get("dialect")
    return DIALECTS[name] if isinstance(name, str) else None
