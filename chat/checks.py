"""What is wrong with the chat's settings is said at the start, not when somebody wants a room."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error

from chat import labels, words

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
