"""The layer inside one process: for tests, CI and ``runserver``.

Interface and worker may live in different threads with an event loop each. So all state stands under one lock, held
only for moments and never across an await, and whoever waits is woken through its own loop (`waking`). Contents are
copied through the serializer: a receiver never shares an object with a sender, and what couldn't cross to another
process fails here too.
"""

from switchboard.layers.memory.layer import MemoryLayer

__all__ = ["MemoryLayer"]
