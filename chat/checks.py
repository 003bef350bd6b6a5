"""What is wrong with the chat's settings is said at the start, not when somebody wants a room."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ValidationError

from chat import labels, limits, words
from chat.validators import validate_network

#: Fewer possible labels than this can be tried one by one.
MIN_TOKEN_LENGTH = 4


def check_labels(**kwargs: Any) -> list[CheckMessage]:
    """Whether labels can be made, and not guessed, of the words and the length that are set."""
    errors: list[CheckMessage] = []
    length = getattr(settings, "CHAT_LABEL_TOKEN_LENGTH", labels.DEFAULT_TOKEN_LENGTH)
    if not isinstance(length, int) or length < MIN_TOKEN_LENGTH:
        error = f"CHAT_LABEL_TOKEN_LENGTH is {length!r}, but has to be a whole number from {MIN_TOKEN_LENGTH}."
        return [Error(error, id="chat.E001")]
    longest = length
    for setting, default in (("CHAT_LABEL_ADJECTIVES", words.ADJECTIVES), ("CHAT_LABEL_NOUNS", words.NOUNS)):
        chosen = getattr(settings, setting, None) or default
        if not isinstance(chosen, list | tuple) or not all(isinstance(w, str) and labels.is_label(w) for w in chosen):
            error = f"{setting} has to be a list of words made of letters, digits, hyphens and underscores."
            errors.append(Error(error, id="chat.E002"))
        else:
            longest += 1 + max(map(len, chosen))
    if not errors and longest > labels.LABEL_LIMIT:
        error = f"The words and the length that are set make labels of up to {longest} characters; 50 are allowed."
        errors.append(Error(error, id="chat.E003"))
    return errors


def check_limits(**kwargs: Any) -> list[CheckMessage]:
    """Whether the rates, the proxies and the time that messages are kept can be read."""
    errors: list[CheckMessage] = []
    for name, text in getattr(settings, "CHAT_LIMITS", {}).items():
        if name not in limits.NAMES:
            errors.append(
                Error(f"CHAT_LIMITS has {name!r}, which is none of {', '.join(limits.NAMES)}.", id="chat.E005")
            )
            continue
        try:
            limits.Rate.parse(str(text or ""))
        except ValueError as wrong:
            errors.append(Error(f"CHAT_LIMITS: for {name} {wrong}.", id="chat.E005"))
    for network in getattr(settings, "CHAT_TRUSTED_PROXIES", ()):
        try:
            validate_network(network)
        except ValidationError:
            error = f"CHAT_TRUSTED_PROXIES has {network!r}, which is no address and no network."
            errors.append(Error(error, id="chat.E006"))
    days = getattr(settings, "CHAT_RETENTION_DAYS", None)
    if days is not None and (not isinstance(days, int) or days < 0):
        errors.append(Error(f"CHAT_RETENTION_DAYS is {days!r}, but has to be a whole number of days.", id="chat.E007"))
    return errors


def check_hosts(**kwargs: Any) -> list[CheckMessage]:
    """Whether any web page could speak in its visitors' names: the Origin of a socket is compared with the hosts."""
    if "*" not in settings.ALLOWED_HOSTS or settings.DEBUG:
        return []
    error = "ALLOWED_HOSTS is “*”, which lets every web site open sockets in the name of its visitors."
    return [Error(error, hint="Name the hosts under which the chat is reached.", id="chat.E004")]
