"""The project's settings for processes of a test that waits until an interface is taken for dead."""

from __future__ import annotations

from project.settings import *  # noqa: F403

# Far beyond what a busy machine lets an interface stand still: the one that lives is not to be taken for dead as well.
SWITCHBOARD = {"INTERFACE_BEAT": 0.5, "INTERFACE_LEASE": 10.0}
