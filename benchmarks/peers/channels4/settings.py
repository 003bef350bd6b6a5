"""Django's settings for the Channels peers. ``PEER_LAYER`` is ``core`` or ``pubsub``."""

from __future__ import annotations

import os
from pathlib import Path

SECRET_KEY = "of a benchmark"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["channels", "benchmarks.peers.channels4"]
ASGI_APPLICATION = "benchmarks.peers.channels4.asgi.application"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(os.environ["DATA_DIR"]) / "db.sqlite3",
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
    }
}

_HOSTS = [{"address": os.environ["REDIS_URL"], "socket_timeout": None}]
_LAYERS = {
    "core": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": _HOSTS, "capacity": 10_000},
    },
    "pubsub": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": _HOSTS},
    },
}
CHANNEL_LAYERS = {"default": _LAYERS[os.environ["PEER_LAYER"]]}
