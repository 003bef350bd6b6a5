"""The project's settings for processes of a test that waits until an interface is taken for dead."""

from __future__ import annotations

from project.settings import *  # noqa: F403

SWITCHBOARD = {"INTERFACE_BEAT": 0.5, "INTERFACE_LEASE": 3.0}
