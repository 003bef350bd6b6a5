"""The project's settings with the routing of `tests.e2e.poison.consumers`, and short leases."""

from project.settings import *  # noqa: F403

CHANNEL_ROUTING = "tests.e2e.poison.consumers.channel_routing"
SWITCHBOARD = {"WORKER_LEASE": 1.0, "CONSUMER_TIME_LIMIT": 3.0}
