"""What the room's page needs of Python, and that its scripts and its words know each other."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from chat import labels
from chat.templatetags import chat_lines, chat_page

SCRIPTS = {path.name: path.read_text() for path in Path("static/chat").glob("*.js")}


def words() -> dict[str, str | dict[str, str]]:
    html = chat_page.page_words()
    assert html.startswith('<script id="words" type="application/json">')
    read: dict[str, str | dict[str, str]] = json.loads(re.sub(r"<[^>]*>", "", html))
    return read


@pytest.mark.parametrize(
    ("label", "parts"),
    [
        ("icy-cloud-k7w2mq", ("icy-cloud", "-k7w2mq")),
        ("icy-cloud-4559", ("icy-cloud", "-4559")),
        ("my-book-club", ("my-book-club", "")),
        ("tea-party", ("tea-party", "")),
        ("tea", ("tea", "")),
        ("2026", ("2026", "")),
        ("a_b-c3", ("a_b-c3", "")),
    ],
)
def test_a_label_as_words_and_token(label: str, parts: tuple[str, str]) -> None:
    assert chat_page.haiku(label) == parts and "".join(parts) == label


def test_a_token_without_a_digit_is_one_where_a_made_label_has_it() -> None:
    """One in six has none, by chance."""
    for _ in range(100):
        words, token = labels.new_label(lambda label: False).rsplit("-", 1)
        assert chat_page.haiku(f"{words}-{token}") == (words, f"-{token}")
    assert chat_page.haiku(f"{words}-nmzrrs") == (words, "-nmzrrs")


def test_which_labels_may_be_guessed() -> None:
    assert [label for label in ("tea", "friends", "book-club", "icy-cloud-4559") if chat_page.guessable(label)] == [
        "tea",
        "friends",
        "book-club",
    ]


def test_every_word_that_a_script_says_is_in_the_page_and_no_other() -> None:
    said = {key for text in SCRIPTS.values() for key in re.findall(r'\bword\("(\w+)"', text)}
    assert said - set(words()) == set()
    mentioned = {key for text in SCRIPTS.values() for key in re.findall(r"\w+", text)}
    assert set(words()) - mentioned == set()


def test_every_place_in_a_sentence_is_filled() -> None:
    known = {"after", "ago", "before", "count", "fault", "name", "names"}
    for sentence in words().values():
        forms = [sentence] if isinstance(sentence, str) else list(sentence.values())
        assert {place for form in forms for place in re.findall(r"\{(\w+)\}", form)} <= known


def test_nothing_enters_the_page_as_markup() -> None:
    for name, text in SCRIPTS.items():
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text), (
            name
        )


def test_names_that_differ_little_differ_in_colour() -> None:
    assert {chat_lines.hue(f"person {letter}") for letter in "abcdefghijklmnopqrstuvwxyz"} == set(
        range(chat_lines.HUES)
    )
