"""The project's settings under faults: its own routing watched, Redis perhaps behind a Sentinel, the layer perhaps
unreliable. What varies is set by variables, since each process reads this module for itself.
"""

from __future__ import annotations

import os

from project.settings import *  # noqa: F403
from project.settings import CHANNEL_LAYERS, SWITCHBOARD

#: ``port`` of a Sentinel on loopback that knows the master ``chaos``.
SENTINEL = os.environ.get("CHAOS_SENTINEL", "")
#: The share of calls to the layer that go wrong.
UNRELIABLE = float(os.environ.get("CHAOS_UNRELIABLE") or 0)

#: Seconds; the default one makes a test of seconds one of a minute.
INTERFACE_LEASE = float(os.environ.get("CHAOS_INTERFACE_LEASE") or 0)

CHANNEL_ROUTING = "tests.e2e.chaos.routing.channel_routing"
#: All people of a crowd are at one address, and say more than people do.
CHAT_LIMITS = {}
if INTERFACE_LEASE:
    SWITCHBOARD = {**SWITCHBOARD, "INTERFACE_LEASE": INTERFACE_LEASE, "INTERFACE_BEAT": INTERFACE_LEASE / 8}
if SENTINEL:
    CHANNEL_LAYERS["default"] = {
        "BACKEND": "switchboard.layers.redis.RedisLayer",
        "CONFIG": {"hosts": [{"sentinels": [("127.0.0.1", int(SENTINEL))], "master_name": "chaos"}]},
    }
if UNRELIABLE:
    shares = {"lose_request": UNRELIABLE, "lose_answer": UNRELIABLE, "repeat": UNRELIABLE, "delay": UNRELIABLE}
    CHANNEL_LAYERS["default"] = {
        "BACKEND": "switchboard.testing.faults.UnreliableLayer",
        "CONFIG": {"layer": CHANNEL_LAYERS["default"], "refuse": UNRELIABLE, **shares},
    }
