"""After the layer lost something, or may have: bringing back what this process knows.

An interface notices by its heartbeat (the inbox is gone; the server's data are others: a new ``run_id``), by the
numbers in its inbox, by a record that is unknown, by an acknowledgement of what it never sent. What it finds, and does:

======================================== ======================== ==================================================
what happened                            seen here                done
======================================== ======================== ==================================================
Redis frozen, or unreachable for a while same run_id, inbox whole nothing but asking again (`Sockets.again`)
Redis restarted empty                    new run_id, no inbox     everything below
Redis restarted with old data            new run_id, old inbox    everything below; what old entries have for sockets
                                                                  is of old orders and does not count, old numbers are
                                                                  dropped; disconnects for sockets that ended since
fail-over, the last second lost          new run_id               as with old data
the inbox has a hole                     same run_id              the same, but no record is touched: none is lost
the inbox was removed, being too large   same run_id              as with a hole: everything that was in it is missing
an enqueue is *done*, without its ack    same run_id, all read    that socket goes on and is told to look (resync)
a record is unknown: of a disconnect     same run_id              it was handled; forget the socket
a record is unknown: any other           same run_id              we were taken for dead: start over
our disconnect is done, we sent none     same run_id              we were taken for dead: start over
the inbox is gone                        same run_id              we were taken for dead: start over
======================================== ======================== ==================================================

*Everything* is one procedure. Any part of it may be done twice, so that it is simply begun again when the layer
goes away meanwhile:

1. Open the inbox anew, under the old name: replies find the way to our sockets by it. From now on nothing new is lost.
2. Go back into the groups that have members here.
3. Bring back the records (`Layer.restore`). The layer keeps whichever has the higher order acknowledged.
4. Enqueue again whatever is under way, disconnects too: a record that was lost with one is there again by then.
5. Ask for what the numbered groups may lack.
6. Tell the clients to look for themselves, where the application gave a frame for it (resync).

What is really lost: what consumers had for single sockets, what groups without numbers were sent, joins and leaves on
their way, answers to HTTP requests (502). Clients that resend until they are answered, and members of numbered groups,
don't notice. A message whose acknowledgement was lost with its record runs a second time.

*Starting over* closes all sockets with 1012 and takes a new name: consumers have been told that these sockets are gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar

from switchboard.interface.groups import Groups
from switchboard.interface.sockets import Sockets
from switchboard.layers.base import Layer

__all__ = ["DataLost", "Doubt", "Hole", "Reaped", "bring_back"]

T = TypeVar("T")

#: Groups or records in one call to the layer.
BATCH: Final = 300


class Doubt(Exception):
    """The layer does not hold what this interface thought it held.

    Doubt
    ├── DataLost    the server's data are others than before
    ├── Hole        entries of the inbox are missing
    └── Reaped      this interface was taken for dead
    """


class DataLost(Doubt):
    """The server's data are others than before."""


class Hole(Doubt):
    """Entries of the inbox are missing."""


class Reaped(Doubt):
    """This interface was taken for dead."""


async def bring_back(layer: Layer, name: str, groups: Groups, sockets: Sockets, *, data_lost: bool) -> None:
    """Steps 2 and 3.

    Raises:
        LayerUnavailable: begin again.
    """
    for batch in _batches(groups):
        await layer.rejoin(name, batch)
    if data_lost:
        for states in _batches(sockets.states()):
            await layer.restore(states)


def _batches(things: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(tuple(things))
    while batch := list(islice(rest, BATCH)):
        yield batch
