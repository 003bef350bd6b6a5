"""The project with a layer of channels-redis as Switchboard's own."""

from __future__ import annotations

from project.settings import *  # noqa: F403
from project.settings import ENVIRONMENT

CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [ENVIRONMENT.redis_url]}}
}
