"""What is measured: each system as real processes, in a data folder of its own.

`SYSTEMS` has the chats by name, ours first; `PAGES` what else serves our pages.
"""

from __future__ import annotations

from benchmarks.systems.base import Running, System, Unavailable
from benchmarks.systems.ours import Switchboard
from benchmarks.systems.pages import Gunicorn, Uvicorn
from benchmarks.systems.peers import Channels, DaphneAlone, PythonSocketIO, SocketIO

__all__ = ["PAGES", "SYSTEMS", "Running", "Switchboard", "System", "Unavailable"]

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

PAGES: dict[str, System] = {system.name: system for system in (Gunicorn(), Uvicorn())}
