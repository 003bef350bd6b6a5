"""The tests' settings on a layer whose calls often go wrong: those of workers, which have to cope with it."""

from __future__ import annotations

from tests.conftest import SEED
from tests.settings import *  # noqa: F403

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "switchboard.testing.faults.UnreliableLayer",
        "CONFIG": {
            "layer": {"BACKEND": "switchboard.layers.memory.MemoryLayer"},
            "seed": SEED,
            "only": ["commit_all", "begin", "bury", "forgive", "has_room", "renew"],
            "lose_request": 0.15,
            "lose_answer": 0.15,
            "repeat": 0.15,
        },
    }
}
