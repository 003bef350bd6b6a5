"""A room's label is all that stands between strangers and the room, so it is both sayable and hard to guess.

``icy-cloud-k7w2mq``: two words by Haikunator and a token. With 31 characters and six places the token alone has about
30 bits, the words add twelve; a thousand guesses a second would need centuries. Haikunator's own default, four digits
from ``random.Random``, can be searched in an afternoon, and its words were not all meant for a stranger's first sight.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence

from django.conf import settings
from haikunator import Haikunator

from chat.words import ADJECTIVES, NOUNS

LABEL_PATTERN = r"[A-Za-z0-9_-]{1,50}"
LABEL_LIMIT = 50
#: Paths below ``/chat/`` that are not rooms.
RESERVED = frozenset({"new"})

#: Lower-case letters and digits without those that are taken for one another: 0 and o, 1 and l and i.
TOKEN_CHARS = "abcdefghjkmnpqrstuvwxyz23456789"  # noqa: S105
DEFAULT_TOKEN_LENGTH = 6


class LabelsExhausted(Exception):
    """Every label tried was taken. The token is too short for the number of rooms."""


def is_label(text: str) -> bool:
    """Whether a room may have this label."""
    return re.fullmatch(LABEL_PATTERN, text) is not None and text not in RESERVED


def new_label(is_taken: Callable[[str], bool], *, attempts: int = 100) -> str:
    """A label that is not taken. Raises ``LabelsExhausted`` when ``attempts`` draws were."""
    haiku = _haikunator()
    length = getattr(settings, "CHAT_LABEL_TOKEN_LENGTH", DEFAULT_TOKEN_LENGTH)
    for _ in range(attempts):
        label = str(haiku.haikunate(token_length=length, token_chars=TOKEN_CHARS))
        if is_label(label) and not is_taken(label):
            return label
    raise LabelsExhausted(f"{attempts} labels were taken: set CHAT_LABEL_TOKEN_LENGTH above {length}")


def new_handle() -> str:
    """A name for somebody who has not picked one, like ``quiet otter``."""
    return str(_haikunator().haikunate(delimiter=" ", token_length=0))


def is_haiku(text: str) -> bool:
    """Whether these are two words as made labels begin with: ``icy-cloud``."""
    adjective, _, noun = text.partition("-")
    return adjective in _words("CHAT_LABEL_ADJECTIVES", ADJECTIVES) and noun in _words("CHAT_LABEL_NOUNS", NOUNS)


def label_from(text: str) -> str:
    """What somebody typed to join a room, as a label: a label, a title with spaces or the room's whole link."""
    words = text.strip().rstrip("/").rsplit("/", 1)[-1].split()
    return "-".join(words)


def _haikunator() -> Haikunator:
    haiku = Haikunator(adjectives=_words("CHAT_LABEL_ADJECTIVES", ADJECTIVES), nouns=_words("CHAT_LABEL_NOUNS", NOUNS))
    haiku.random = secrets.SystemRandom()
    return haiku


def _words(setting: str, default: Sequence[str]) -> list[str]:
    return list(getattr(settings, setting, None) or default)
