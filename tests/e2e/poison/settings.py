"""The project's settings with the routing of `tests.e2e.poison.consumers`, and short leases.

The time limit is longer than a busy machine keeps a worker from running: an echo that waited so long would end it, too.
"""

from project.settings import *  # noqa: F403

CHANNEL_ROUTING = "tests.e2e.poison.consumers.channel_routing"
ROOT_URLCONF = "tests.e2e.poison.urls"
SWITCHBOARD = {"WORKER_LEASE": 1.0, "CONSUMER_TIME_LIMIT": 6.0, "VIEW_TIME_LIMIT": 6.0}
