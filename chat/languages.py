"""In which language a socket is told what is wrong: as its page was, by the cookie or by what the browser prefers.

A request has this from Django's ``LocaleMiddleware``. A socket has no headers after its handshake, so what they said
travels in its channel session.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from django.conf import settings
from django.utils import translation
from django.utils.translation.trans_real import parse_accept_lang_header

from switchboard import Message

Consumer = TypeVar("Consumer", bound=Callable[..., Any])


def of_handshake(message: Message) -> str:
    """The language of whoever opens this socket, one of ``LANGUAGES``."""
    accepted = ",".join(
        value.decode("latin-1") for name, value in message.content.get("headers") or () if name == b"accept-language"
    )
    chosen = message.cookies.get(settings.LANGUAGE_COOKIE_NAME, "")
    preferred = [language for language, _ in parse_accept_lang_header(accepted)]
    for language in (chosen, *preferred):
        if language == "*":
            break
        try:
            return translation.get_supported_language_variant(language)
        except LookupError:
            continue
    return settings.LANGUAGE_CODE


def language_of(message: Message) -> AbstractContextManager[None]:
    """Within the block sentences are in the language of the socket."""
    return translation.override(message.channel_session.get("language") or settings.LANGUAGE_CODE)


def in_its_language(consumer: Consumer) -> Consumer:
    """For a consumer with a channel session: sentences are in the language of the socket while it runs."""

    @functools.wraps(consumer)
    def speaking(message: Message, *args: Any, **kwargs: Any) -> Any:
        with language_of(message):
            return consumer(message, *args, **kwargs)

    return speaking  # type: ignore[return-value]
