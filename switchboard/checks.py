"""System checks: bad settings are found by ``manage.py check``, not by the first message."""

from __future__ import annotations

from typing import Any

from channels.exceptions import InvalidChannelLayerError
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured

from switchboard.channels import get_layer
from switchboard.conf import get_settings
from switchboard.routing import Router


def check_settings(**_: Any) -> list[CheckMessage]:
    """E001: ``SWITCHBOARD`` has an unknown key or a value that is out of its range."""
    try:
        get_settings()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="switchboard.E001")]
    return []


def check_layer(**_: Any) -> list[CheckMessage]:
    """E002: the layer cannot be made, or is not one that has workers."""
    try:
        get_layer(get_settings().LAYER)
    except (ImproperlyConfigured, InvalidChannelLayerError, TypeError, ValueError) as error:
        return [Error(f"CHANNEL_LAYERS cannot be used: {error}", id="switchboard.E002")]
    return []


def check_routing(**_: Any) -> list[CheckMessage]:
    """E003: ``CHANNEL_ROUTING`` is missing, or something in it cannot be imported or compiled."""
    routing = getattr(settings, "CHANNEL_ROUTING", None)
    if routing is None:
        return [Error('CHANNEL_ROUTING is not set; it is like "routing.channel_routing".', id="switchboard.E003")]
    try:
        Router(routing)
    except (ImproperlyConfigured, TypeError) as error:
        return [Error(str(error), id="switchboard.E003")]
    return []
