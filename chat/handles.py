"""What may be a handle: a name that a person can read, say and tell from others.

A handle is brought into one form (NFKC, spaces collapsed) and refused when it has what nobody sees: controls, marks of
direction, zero-width characters, fillers. A zero-width joiner is let in between emoji, where it is part of the picture.
Marks above and below letters are limited, or they grow over other people's lines.

Length counts what a reader takes for one character. ``graphemes`` follows UAX #29 in what occurs in names: combining
marks, emoji with their joiners, colours and selectors, flags, and Hangul letter by letter. It leaves out the finer
rules for Indic conjuncts and prepended marks, where it counts a character more. (`regex` knows them all; one more
binary to install, for that.)

``key`` says which handles are the same name. Letters of different alphabets that look alike are not.

Nothing here touches the database; who has which handle is known to ``chat.claims``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

HANDLE_LIMIT = 32
#: What is stored. Pictures may be long: a family is seven code points.
CODE_POINT_LIMIT = 128
MARK_LIMIT = 3

ZWJ = "\u200d"
_SELECTORS = "\ufe0e\ufe0f"
#: Letters by their category, and yet nothing to see: Hangul fillers, the empty Braille cell, Khmer's inherent vowels.
_INVISIBLE = frozenset("\u115f\u1160\u3164\uffa0\u2800\u17b4\u17b5\u034f")


class BadHandle(Exception):
    """This cannot be a handle: a code for programs, a sentence for people, perhaps one that waits for its language."""

    def __init__(self, code: str, text: str | _StrPromise) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def read(value: object) -> str:
    """The handle in a value of unknown type, in its one form. Raises ``BadHandle``."""
    if not isinstance(value, str):
        raise BadHandle("bad-handle", _("The handle must be a text."))
    if len(value) > 10 * CODE_POINT_LIMIT:
        raise _too_long()
    stripped = value.strip()
    plain = stripped.isascii() and len(stripped) <= HANDLE_LIMIT and "  " not in stripped
    if plain and stripped.replace(" ", "").replace("-", "").isalnum():
        return stripped  # most are, and each message brings one
    if any(unicodedata.category(char) in {"Cc", "Cs"} for char in stripped):
        raise _unseen()
    handle = " ".join(unicodedata.normalize("NFKC", stripped).split())
    if not any(_is_seen(char) for char in handle):
        raise BadHandle("blank-handle", _("Pick a handle first."))
    if any(_is_hidden(handle, at) for at in range(len(handle))):
        raise _unseen()
    if _longest_pile(handle) > MARK_LIMIT or unicodedata.category(handle[0])[0] == "M":
        raise BadHandle("bad-handle", _("The handle has too many marks on one letter."))
    if len(handle) > CODE_POINT_LIMIT or graphemes(handle) > HANDLE_LIMIT:
        raise _too_long()
    return handle


def key(handle: str) -> str:
    """The same for all handles that are the same name."""
    bare = "".join(char for char in handle if char not in _SELECTORS)
    # Folding may undo the normal form, and the other way round.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", bare).casefold())
    return " ".join(folded.casefold().split())[: 2 * CODE_POINT_LIMIT]


def numbered(handle: str, number: int) -> str:
    """``ada (2)``: the handle with a number, shortened where it would be too long."""
    suffix = f" ({number})"
    while handle and (graphemes(handle + suffix) > HANDLE_LIMIT or len(handle + suffix) > CODE_POINT_LIMIT):
        handle = handle[:-1].rstrip(f" {ZWJ}")
    return handle + suffix


def graphemes(text: str) -> int:
    """How many characters a reader sees in ``text``."""
    return sum(1 for _start in _starts(text))


def initial(text: str) -> str:
    """The first character that a reader sees in ``text``."""
    starts = _starts(text)
    first = next(starts, 0)
    return text[first : next(starts, len(text))]


def _starts(text: str) -> Iterator[int]:
    flags = 0
    for at, char in enumerate(text):
        before = text[at - 1] if at else ""
        flags = flags + 1 if _is_flag_letter(char) else 0
        joined = (
            unicodedata.category(char)[0] == "M"
            or char == ZWJ
            or (before == ZWJ and not char.isalnum())
            or "\U0001f3fb" <= char <= "\U0001f3ff"  # the colours of skin
            or (flags and flags % 2 == 0)
            or _continues_syllable(before, char)
        )
        if not (at and joined):
            yield at


def _is_flag_letter(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _continues_syllable(before: str, char: str) -> bool:
    """A vowel or a final consonant of Hangul after what it belongs to."""
    if "\u1160" <= char <= "\u11a7":
        return "\u1100" <= before <= "\u11a7"
    if "\u11a8" <= char <= "\u11ff":
        return "\u1160" <= before <= "\u11ff" or "\uac00" <= before <= "\ud7a3"
    return False


def _is_seen(char: str) -> bool:
    # Emoji are added each year, and this Python may be older.
    return (unicodedata.category(char)[0] in "LNS" and char not in _INVISIBLE) or "\U0001f000" <= char <= "\U0001faff"


def _is_hidden(handle: str, at: int) -> bool:
    """Whether nobody can see the character that is there. NFKC and ``split`` have made all spaces plain ones."""
    char = handle[at]
    before, after = handle[at - 1 : at], handle[at + 1 : at + 2]
    if char == ZWJ:
        return not (_is_picture(before) or before in _SELECTORS) or not _is_picture(after)
    if char in _SELECTORS:
        return not (_is_picture(before) or before in "#*0123456789")
    if char in _INVISIBLE or unicodedata.category(char) in {"Cc", "Cf", "Co", "Cs"}:
        return True
    # Other selectors of variants, and code points that never will be characters.
    return "\ufe00" <= char <= "\ufe0d" or "\U000e0000" <= char <= "\U000e0fff" or ord(char) & 0xFFFE == 0xFFFE


def _is_picture(char: str) -> bool:
    """Emoji, near enough: symbols, the colours of skin, and what this Python does not know yet."""
    return char != "" and unicodedata.category(char) in {"So", "Sk", "Cn", "Sm"}


def _longest_pile(handle: str) -> int:
    longest = pile = 0
    # Decomposed: an ö with three marks more has four.
    for char in unicodedata.normalize("NFD", handle):
        pile = pile + 1 if unicodedata.category(char) in {"Mn", "Me"} and char not in _SELECTORS else 0
        longest = max(longest, pile)
    return longest


def _unseen() -> BadHandle:
    return BadHandle("bad-handle", _("The handle has characters that nobody can see or type."))


def _too_long() -> BadHandle:
    return BadHandle("long-handle", _("A handle may have at most %(limit)d characters.") % {"limit": HANDLE_LIMIT})
