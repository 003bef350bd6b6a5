from __future__ import annotations

from django.apps import AppConfig
from django.core import checks


class ChatConfig(AppConfig):
    name = "chat"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from chat import accounts, broadcast
        from chat.checks import check_hosts, check_labels, check_limits

        broadcast.listen()
        accounts.listen()
        for check in (check_hosts, check_labels, check_limits):
            checks.register(check)
