"""What may be a handle, and when two are the same."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import handles
from chat.handles import BadHandle

FAMILY = "👨\u200d👩\u200d👧\u200d👦"


@pytest.mark.parametrize(
    ("typed", "handle"),
    [
        ("ada", "ada"),
        ("  ada \u3000 lovelace ", "ada lovelace"),
        ("ａｄａ", "ada"),
        ("ﬁn", "fin"),
        ("e\u0301ve", "éve"),
        ("한글", "한글"),
        ("سلام", "سلام"),
        ("क्षि", "क्षि"),
        (FAMILY, FAMILY),
        ("👩🏽\u200d🚒", "👩🏽\u200d🚒"),
        ("❤\ufe0f ada", "❤\ufe0f ada"),
        ("1\ufe0f⃣", "1\ufe0f⃣"),
        ("\U0001fae8", "\U0001fae8"),
        ("<b>ada</b>", "<b>ada</b>"),
        ("a\u0304\u0301\u0300", unicodedata.normalize("NFKC", "a\u0304\u0301\u0300")),
    ],
)
def test_a_handle_in_its_one_form(typed: str, handle: str) -> None:
    assert handles.read(typed) == handle
    assert handles.read(handle) == handle


@pytest.mark.parametrize(
    ("code", "typed"),
    [
        ("bad-handle", None),
        ("bad-handle", ["ada"]),
        ("bad-handle", "two\nlines"),
        ("bad-handle", "a\x07b"),
        ("bad-handle", "\ud800"),
        ("bad-handle", "\u202eada"),  # right-to-left override
        ("bad-handle", "a\u2066da\u2069"),
        ("bad-handle", "a\u061cda"),
        ("bad-handle", "a\u200bda"),
        ("bad-handle", "a\u200dda"),  # a joiner between letters
        ("bad-handle", "ada\u200d"),
        ("bad-handle", "a\u200cda"),
        ("bad-handle", "ada\ufeff"),
        ("bad-handle", "ada\u2060"),
        ("bad-handle", "a\u00adda"),
        ("bad-handle", "ada\ufe0f"),
        ("bad-handle", "ada\u3164"),
        ("bad-handle", "ada\u2800"),
        ("bad-handle", "ada\u115f"),
        ("bad-handle", "a\U000e0041da"),
        ("bad-handle", "ada\ue000"),
        ("bad-handle", "ada\uffff"),
        ("bad-handle", "\u0301ada"),  # a mark on nothing
        ("bad-handle", "a" + "\u0334" * 4),
        ("bad-handle", "Z" + "\u0300\u0301\u0302\u0303" * 2_000),
        ("long-handle", "a" + "\u0301" * 10_000),
        ("blank-handle", ""),
        ("blank-handle", " \u3000"),
        ("blank-handle", "\u200b\u2060"),
        ("blank-handle", "\u3164"),
        ("blank-handle", "..."),
        ("long-handle", "x" * 33),
        ("long-handle", FAMILY * 19),
        ("long-handle", "x" * 1_000_000),
    ],
)
def test_what_is_none(code: str, typed: object) -> None:
    with pytest.raises(BadHandle) as caught:
        handles.read(typed)
    assert caught.value.code in (code, "long-handle" if isinstance(typed, str) and len(typed) > 1_280 else code)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada", "ada"),
        ("ADA LOVELACE", "ada  lovelace"),
        ("ａｄａ", "ADA"),
        ("Straße", "STRASSE"),
        ("ſad", "SAD"),
        ("❤\ufe0f", "❤"),
        ("Ǆ", "ǆ"),
    ],
)
def test_the_same_handle(one: str, other: str) -> None:
    assert handles.key(handles.read(one)) == handles.key(handles.read(other))


def test_others_are_others() -> None:
    assert len({handles.key(name) for name in ("ada", "adá", "ada 2", "аda", FAMILY)}) == 5


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("ada", 3),
        (FAMILY, 1),
        (FAMILY * 3, 3),
        ("👩🏽\u200d🚒x", 2),
        ("🇰🇷🇯🇵🇩🇪", 3),
        ("🇰🇷🇯", 2),
        ("1\ufe0f⃣2\ufe0f⃣", 2),
        ("e\u0301e\u0301", 2),
        ("한글", 2),
        ("\u1112\u1161\u11ab\u1100\u1173\u11af", 2),  # the same, letter by letter
    ],
)
def test_what_a_reader_counts(text: str, count: int) -> None:
    assert handles.graphemes(text) == count


@pytest.mark.parametrize(
    ("text", "first"),
    [("", ""), ("ada", "a"), (FAMILY * 2, FAMILY), ("🇰🇷 min", "🇰🇷"), ("e\u0301te", "e\u0301"), ("하린", "하")],
)
def test_what_a_seal_shows(text: str, first: str) -> None:
    assert handles.initial(text) == first


def test_a_number_fits() -> None:
    assert handles.numbered("ada", 2) == "ada (2)"
    for long in ("x" * 32, FAMILY * 18):
        numbered = handles.numbered(long, 12)
        assert numbered.endswith(" (12)") and handles.read(numbered) == numbered


@given(st.text(st.characters()))
def test_no_text_raises_anything_else_and_what_is_a_handle_can_be_shown(text: str) -> None:
    try:
        handle = handles.read(text)
    except BadHandle:
        return
    assert 1 <= handles.graphemes(handle) <= handles.HANDLE_LIMIT and len(handle) <= handles.CODE_POINT_LIMIT
    assert handle.encode() and "  " not in handle and handle == handle.strip()
    assert not {unicodedata.category(char) for char in handle} & {"Cc", "Cs", "Co"}
    assert handles.read(handle) == handle
    assert handles.key(handle) and handles.key(handles.key(handle)) == handles.key(handle)
