"""What is measured: each system as real processes, in a data folder of its own.

`SYSTEMS` has all of them by name, ours first.
"""

from __future__ import annotations

from benchmarks.systems.base import Running, System, Unavailable
from benchmarks.systems.ours import Switchboard
from benchmarks.systems.peers import Channels, DaphneAlone, PythonSocketIO, SocketIO

__all__ = ["SYSTEMS", "Running", "Switchboard", "System", "Unavailable"]

SYSTEMS: dict[str, System] = {
    system.name: system
    for system in (
        Switchboard(),
        Channels("core"),
        Channels("pubsub"),
        PythonSocketIO(),
        SocketIO(processes=2),
        SocketIO(processes=1),
        DaphneAlone(),
    )
}
