"""The project's settings with the routing of `benchmarks.consumers`."""

from project.settings import *  # noqa: F403

CHANNEL_ROUTING = "benchmarks.consumers.channel_routing"
#: One person who floods is what is measured.
CHAT_LIMITS = {}
