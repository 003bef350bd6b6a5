"""The interface: it holds the sockets and the HTTP requests, and no application code.

``Interface()`` is the ASGI application that Daphne serves (see `application`). What happens at a socket becomes a
message on a named channel, what comes back through the interface's inbox becomes frames. Which module does what:

=============== ====================================================================================================
`application`   the ASGI callable: settings, logging, Origin, one coroutine for each connection
`connection`    the protocol of one socket, without I/O; `actions` are what it decides. It has two parts: `client_end`,
                what the client is sent, and `workers_end`, the messages to the workers, with `waiting` for what the
                client sent ahead
`answers`       what consumers may send to a socket, checked and typed
`sockets`       all sockets of the process: performs what their connections decide, and their timers
`frames`        a frame to clients, encoded once
`wire`          what the hub and the server that holds the TCP connection say to each other
`endpoint`      the server's end of a socket: writes frames as they are encoded
`hub`           the tasks of the process, for how long they run (`term`), and where what they hear goes
`reader`        takes what comes into the inbox to sockets, groups and requests
`repairer`      asks for what the numbered groups lack
`moving`        the end of the sockets when the process ends
`leaver`        takes the interface out of groups in which nobody is left
`inbox`         the interface's inbox: entries without a hole, or an exception that says why not
`heart`         the heartbeat, and the doubts that only a beat can settle
`recovery`      what to do after the layer lost something: the table
`groups`        what the members of groups get: `members` who is in which, `numbering` who has what of one, `repairs`
                when to ask for what is missing
`enqueuing`     puts messages on their channels
`http`          one HTTP request, from the client to a worker and back; `exchange` and `pages` are parts of it
`workers`       notices when the worker that runs a request has died
`origin`        which pages may open a socket here
`admission`     how many connections a process holds, and what becomes of those beyond that
`server`        Daphne, with what it lacks: ``python -m switchboard.interface asgi:application``
=============== ====================================================================================================

Lazy, so that importing one part without the settings at hand stays possible.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from switchboard.interface.application import Interface

__all__ = ["Interface"]


def __getattr__(name: str) -> Any:
    if name == "Interface":
        from switchboard.interface.application import Interface

        return Interface
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
