"""The Django application ``switchboard``: its commands and its checks."""

from __future__ import annotations

from django.apps import AppConfig


class SwitchboardConfig(AppConfig):
    """No models."""

    name = "switchboard"
    verbose_name = "Switchboard"

    def ready(self) -> None:
        from django.core.checks import register

        from switchboard.checks import check_layer, check_routing, check_server, check_settings

        for check in (check_settings, check_layer, check_routing):
            register(check)
        register(check_server, deploy=True)
