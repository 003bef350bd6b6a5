"""System checks: bad settings are found by ``manage.py check``, not by the first message."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import ImproperlyConfigured

from switchboard.bridging import call
from switchboard.conf import get_settings
from switchboard.exceptions import LayerUnavailable, UnfitServer
from switchboard.layers.extensions import OF_WORKERS
from switchboard.layers.named import LacksExtensions, get_layer
from switchboard.routing import Router


def check_settings(**_: Any) -> list[CheckMessage]:
    """E001: ``SWITCHBOARD`` has an unknown key or a value that is out of its range."""
    try:
        get_settings()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="switchboard.E001")]
    return []


def check_layer(**_: Any) -> list[CheckMessage]:
    """E002: the layer cannot be made. W001: it can, but no interface and no worker can run on it.

    That one is a warning, since code that only sends works on any layer.
    """
    try:
        get_layer(get_settings().LAYER)
    except LacksExtensions as error:
        promised = "; ".join(f"{name}: {OF_WORKERS[name]}" for name in error.lacking)
        return [Warning(str(error), hint=f"What is lacking is lacking: {promised}.", id="switchboard.W001")]
    except ImproperlyConfigured as error:
        return [Error(str(error), id="switchboard.E002")]
    return []


def check_server(**_: Any) -> list[CheckMessage]:
    """E004: the layer's server is of a kind on which it cannot work. W002: it did not answer, so nobody knows.

    Only with ``manage.py check --deploy``: elsewhere a command must not depend on a server that is there.
    """
    try:
        call(get_layer(get_settings().LAYER), lambda layer: layer.verify())
    except UnfitServer as error:
        return [Error(str(error), id="switchboard.E004")]
    except LayerUnavailable as error:
        return [Warning(f"The layer's server does not answer: {error}", id="switchboard.W002")]
    except ImproperlyConfigured:
        pass  # that is `check_layer`'s
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
