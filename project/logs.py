"""Log lines as an operator reads them: when, how bad, which process, who, what."""

from __future__ import annotations

import logging
from typing import Any

__all__ = ["CONFIG", "OneLine"]


class OneLine(logging.Formatter):
    """A message stays on one line whatever text it quotes, so nobody forges a line; a traceback follows below."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = record.message.replace("\r", "\\r").replace("\n", "\\n")
        return super().formatMessage(record)


#: For `logging.config.dictConfig`. All goes to standard error: supervisord and honcho know what to do with it.
CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "project.logs.OneLine",
            "format": "%(asctime)s %(levelname)-7s %(process)d %(name)s: %(message)s",
        },
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        # Django hangs handlers of its own on these two; one line for each event is enough.
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},
    },
}
