"""The tests' settings on a PostgreSQL whose socket is in the folder PGHOST."""

from __future__ import annotations

import os

from tests.settings import *  # noqa: F403

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "postgres",
        "USER": "postgres",
        "HOST": os.environ["PGHOST"],
        "OPTIONS": {"options": "-c lock_timeout=60s"},
    }
}
