"""The project's settings for processes of the tests of long responses: pages of their own, and a short patience."""

from __future__ import annotations

import os

from project.settings import *  # noqa: F403

ROOT_URLCONF = "tests.integration.responses.urls"
SWITCHBOARD = {
    "HTTP_STALL_TIMEOUT": float(os.environ.get("STALL_TIMEOUT", "30")),
    "HTTP_UNSENT_BYTES": int(os.environ.get("UNSENT_BYTES", str(128 * 1024 * 1024))),
    "HTTP_DRAIN_TIMEOUT": float(os.environ.get("DRAIN_TIMEOUT", "5")),
}
