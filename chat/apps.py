from __future__ import annotations

from django.apps import AppConfig
from django.core import checks


class ChatConfig(AppConfig):
    name = "chat"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from chat import broadcast
        from chat.checks import check_labels

        broadcast.listen()
        checks.register(check_labels)
