from __future__ import annotations

import pytest
from pytest_django import Settings

from chat.checks import check_labels


def test_the_defaults_are_right() -> None:
    assert check_labels() == []


@pytest.mark.parametrize(
    ("setting", "value", "id"),
    [
        ("CHAT_LABEL_TOKEN_LENGTH", "6", "chat.E001"),
        ("CHAT_LABEL_TOKEN_LENGTH", 3, "chat.E001"),
        ("CHAT_LABEL_ADJECTIVES", "icy", "chat.E002"),
        ("CHAT_LABEL_NOUNS", ["two words"], "chat.E002"),
        ("CHAT_LABEL_TOKEN_LENGTH", 40, "chat.E003"),
    ],
)
def test_wrong_settings_are_named(settings: Settings, setting: str, value: object, id: str) -> None:
    setattr(settings, setting, value)
    assert [message.id for message in check_labels()] == [id]
