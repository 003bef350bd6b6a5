"""``manage.py check`` on layers: what it says, and when nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from switchboard.checks import check_layer, check_server
from switchboard.layers.extensions import OF_WORKERS

OURS = {"BACKEND": "switchboard.layers.memory.MemoryLayer"}
STOCK = [
    {"BACKEND": "channels.layers.InMemoryChannelLayer"},
    {"BACKEND": "channels_redis.core.RedisChannelLayer"},
    {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer"},
]


def ids(messages: list[Any]) -> list[str]:
    return [message.id for message in messages]


@pytest.mark.parametrize("stock", STOCK, ids=lambda config: config["BACKEND"])
def test_a_layer_without_workers_is_a_warning_that_names_what_is_lacking(
    settings: Settings, stock: dict[str, Any]
) -> None:
    settings.CHANNEL_LAYERS = {"default": stock}
    [warning] = check_layer()
    assert warning.id == "switchboard.W001"
    assert f"CHANNEL_LAYERS['default'] is a {stock['BACKEND']}" in warning.msg
    assert all(name in warning.msg and promise in str(warning.hint) for name, promise in OF_WORKERS.items())
    assert check_server() == []


@pytest.mark.parametrize("stock", STOCK, ids=lambda config: config["BACKEND"])
def test_of_other_aliases_nothing_is_said(settings: Settings, stock: dict[str, Any]) -> None:
    settings.CHANNEL_LAYERS = {"default": OURS, "other": stock}
    assert check_layer() == []


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        ({}, "CHANNEL_LAYERS has no 'default'"),
        ({"default": {}}, "No BACKEND"),
        ({"default": {"BACKEND": "no.such.Layer"}}, "Cannot import BACKEND"),
        ({"default": {**OURS, "CONFIG": {"colour": "red"}}}, "colour"),
        ({"default": {**OURS, "ROUTING": "routing.channel_routing"}}, "ROUTING"),
        (
            {"default": {"BACKEND": "switchboard.layers.redis.RedisLayer", "CONFIG": {"serializer_format": "json"}}},
            "carries no bytes",
        ),
    ],
)
def test_a_layer_that_cannot_be_made_is_an_error(settings: Settings, layers: dict[str, Any], sentence: str) -> None:
    settings.CHANNEL_LAYERS = layers
    [error] = check_layer()
    assert error.id == "switchboard.E002"
    assert sentence in error.msg


def test_a_server_that_is_away_is_said_at_a_deployment_only(settings: Settings) -> None:
    away = {"hosts": ["unix:///nowhere/redis.sock"]}
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "switchboard.layers.redis.RedisLayer", "CONFIG": away}}
    assert "switchboard.W002" not in ids(run_checks())
    assert "switchboard.W002" in ids(run_checks(include_deployment_checks=True))
