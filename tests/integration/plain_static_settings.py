"""The project without WhiteNoise: static files as in a project that Django's own `startproject` made."""

from __future__ import annotations

from project.settings import *  # noqa: F403
from project.settings import MIDDLEWARE as PROJECT_MIDDLEWARE
from project.settings import STORAGES as PROJECT_STORAGES

MIDDLEWARE = [name for name in PROJECT_MIDDLEWARE if not name.startswith("whitenoise.")]
STORAGES = {
    **PROJECT_STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
