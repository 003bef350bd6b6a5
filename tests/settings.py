"""The project's settings for tests: no service, no `.env`, nothing of the checkout's own data folder.

The values are put into this process' environment, so that the processes a test starts get the same data folder and key.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

_folder = tempfile.mkdtemp(prefix="switchboard-tests-")
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
os.environ.update(
    {
        **dict.fromkeys(
            ("ALLOWED_HOSTS", "BIND", "CSRF_TRUSTED_ORIGINS", "DATABASE_URL", "DEBUG", "INTERFACES", "PORT"), ""
        ),
        **dict.fromkeys(
            ("LIMIT_ADDRESS_MESSAGES", "LIMIT_MESSAGES", "LIMIT_NEW_ACCOUNTS", "LIMIT_NEW_ROOMS", "LIMIT_ROOMS"), ""
        ),
        **dict.fromkeys(("RETENTION_DAYS", "TRUSTED_PROXIES"), ""),
        # Tests say more in a second than people do; those of the limits set their own.
        "LIMITS": "off",
        "REDIS_URL": "",
        "WORKERS": "",
        "DATA_DIR": _folder,
        "SECRET_KEY": "for tests only, and long enough that no check complains of it",
    }
)

from project.settings import *  # noqa: E402, F403
from project.settings import ALLOWED_HOSTS, DATABASES, STORAGES  # noqa: E402

ALLOWED_HOSTS = [*ALLOWED_HOSTS, "testserver"]
# A file, not memory: threads then wait for each other's locks as they do in production.
DATABASES["default"]["TEST"] = {"NAME": f"{_folder}/tests.sqlite3"}
# The manifest exists after collectstatic only.
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
WHITENOISE_AUTOREFRESH = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
