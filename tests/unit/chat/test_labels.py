from __future__ import annotations

import random
import secrets

import pytest
from pytest_django import Settings

from chat import labels, words


@pytest.mark.parametrize("label", ["a", "icy-cloud-4559", "ICY_cloud", "x" * 50, "NEW", "new-", "-", "_"])
def test_labels(label: str) -> None:
    assert labels.is_label(label)


@pytest.mark.parametrize("text", ["", "new", "x" * 51, "two words", "é", "a/b", "a\n", "٣", "a.b", "%20"])
def test_not_labels(text: str) -> None:
    assert not labels.is_label(text)


def test_a_new_label_says_two_words_and_a_token() -> None:
    adjective, noun, token = labels.new_label(lambda label: False).split("-")
    assert adjective in words.ADJECTIVES and noun in words.NOUNS
    assert len(token) == 6 and set(token) <= set(labels.TOKEN_CHARS)


def test_it_is_never_a_taken_one() -> None:
    tried: list[str] = []

    def taken(label: str) -> bool:
        tried.append(label)
        return len(tried) < 5

    assert labels.new_label(taken) == tried[-1]
    assert len(tried) == 5


def test_it_gives_up_at_last() -> None:
    with pytest.raises(labels.LabelsExhausted):
        labels.new_label(lambda label: True, attempts=3)


def test_it_never_makes_a_reserved_one(settings: Settings) -> None:
    settings.CHAT_LABEL_ADJECTIVES = ["new"]
    settings.CHAT_LABEL_NOUNS = [""]
    settings.CHAT_LABEL_TOKEN_LENGTH = 0
    with pytest.raises(labels.LabelsExhausted):
        labels.new_label(lambda label: False, attempts=3)


def test_length_and_words_are_settings(settings: Settings) -> None:
    settings.CHAT_LABEL_TOKEN_LENGTH = 10
    settings.CHAT_LABEL_ADJECTIVES = ["plum"]
    settings.CHAT_LABEL_NOUNS = ["jam"]
    label = labels.new_label(lambda label: False)
    assert label.startswith("plum-jam-") and len(label) == len("plum-jam-") + 10


def test_the_generator_is_cryptographic() -> None:
    """A seed that is known, or guessed, must not give the next room away."""
    random.seed(1)
    first = labels.new_label(lambda label: False)
    random.seed(1)
    assert labels.new_label(lambda label: False) != first
    assert isinstance(labels._haikunator().random, secrets.SystemRandom)


def test_the_words_make_labels_and_handles() -> None:
    longest = max(map(len, words.ADJECTIVES)) + max(map(len, words.NOUNS))
    assert longest + 1 <= 32
    for word in words.ADJECTIVES + words.NOUNS:
        assert labels.is_label(word)
    assert len(set(words.ADJECTIVES)) == len(words.ADJECTIVES) and len(set(words.NOUNS)) == len(words.NOUNS)


@pytest.mark.parametrize(
    ("typed", "label"),
    [
        (" icy-cloud ", "icy-cloud"),
        ("Tea party  tonight", "Tea-party-tonight"),
        ("https://chat.example/chat/icy-cloud-k7w2mq/", "icy-cloud-k7w2mq"),
    ],
)
def test_what_people_type_to_join(typed: str, label: str) -> None:
    assert labels.label_from(typed) == label
