from __future__ import annotations

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from chat import limits
from chat.checks import check_hosts, check_labels, check_limits


def test_the_defaults_are_right() -> None:
    assert run_checks() == []


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


@pytest.mark.parametrize(
    ("setting", "value", "id"),
    [
        ("CHAT_LIMITS", {"MESAGES": "8, 1/s"}, "chat.E005"),
        ("CHAT_LIMITS", {"MESSAGES": "8 a second"}, "chat.E005"),
        ("CHAT_TRUSTED_PROXIES", ["proxy.example"], "chat.E006"),
        ("CHAT_RETENTION_DAYS", "30", "chat.E007"),
        ("CHAT_RETENTION_DAYS", -1, "chat.E007"),
    ],
)
def test_wrong_limits_are_named(settings: Settings, setting: str, value: object, id: str) -> None:
    setattr(settings, setting, value)
    assert [message.id for message in check_limits()] == [id]


@pytest.mark.parametrize("lifted", [None, "", "off", "0", 0])
def test_a_limit_may_be_lifted(settings: Settings, lifted: object) -> None:
    settings.CHAT_LIMITS = {"MESSAGES": lifted}
    assert check_limits() == [] and limits.rate_of("MESSAGES") is None


def test_all_hosts_are_for_development_only(settings: Settings) -> None:
    """Any web site could open sockets in its visitors' names."""
    settings.ALLOWED_HOSTS = ["chat.example", "*"]
    assert [message.id for message in check_hosts()] == ["chat.E004"]
    settings.DEBUG = True
    assert check_hosts() == []
