"""The contract of a layer: what holds of all of it, and what both sides may call.

What interfaces ask is in `interface_contract`, what workers ask in `worker_contract`; one object answers both. It is
imported from here, with the values that go in and come out. A layer holds four things between the processes:

* **Named channels**, one queue each, read by workers. A message that a worker has received is *pending*: the worker
  owns it until it commits it, gives it back by falling silent, or another worker takes it over.
* **A record for each socket**: the highest order queued (``sent``), the highest handled (``acked``), the channel
  session. It is made by the enqueue of a connect and removed by the commit of a disconnect. It is what makes a
  frame that was queued twice, or run twice, count once.
* **An inbox for each interface**, its entries numbered from 1 without a hole.
* **Groups**: for each the set of interfaces that have members. The members are known to their interface only, but for
  named channels: those the layer knows, for ``group_expiry`` after the last `Join`, and puts the group's messages on
  each that is below its capacity.

Every method is atomic: it happens whole, for all processes at once, or not at all; with several hosts this holds
of what happens on each. A method that raises `LayerUnavailable` may or may not have happened; calling it again is safe,
but for `request` and `publish`, whose messages may then be there twice. Cancelling a call is like `LayerUnavailable`:
what it asked for may have happened.
All methods may be called from any event loop, and at the same time.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

from switchboard.events import Output
from switchboard.layers.extensions import OF_WORKERS
from switchboard.layers.interface_contract import Beat, Enqueued, InterfaceContract, Receipt, SocketState
from switchboard.layers.tips import Tips
from switchboard.layers.worker_contract import (
    Attempt,
    Begun,
    Commit,
    DeadLetter,
    Delivery,
    Pending,
    WorkerContract,
)

__all__ = [
    "Attempt",
    "Beat",
    "Begun",
    "Commit",
    "DeadLetter",
    "Delivery",
    "Enqueued",
    "Layer",
    "Pending",
    "Receipt",
    "SocketState",
]


class Layer(InterfaceContract, WorkerContract):
    """Interfaces and workers meet here. See the module's docstring for what holds of every method."""

    #: Whether several processes can meet on it. False: everything has to run in one.
    crosses_processes: ClassVar[bool]
    #: Whether its methods may be called from any event loop.
    any_loop: ClassVar[bool] = True
    #: What it can do beside carrying messages, see `extensions`; Channels' own word for such a list.
    extensions: ClassVar[list[str]] = [*OF_WORKERS]

    @property
    def shards(self) -> Sequence[Layer]:
        """The parts that a worker reads each for itself: the layer, unless it lies on several hosts."""
        return [self]

    @cached_property
    def tips(self) -> Tips:
        """The last numbers of groups that left through this object."""
        return Tips()

    # -- for both

    @abstractmethod
    async def publish(self, outputs: Sequence[Output]) -> None:
        """Let outputs leave at once, in their order, outside any commit.

        Raises:
            ChannelFull: an `Envelope`'s channel is at its capacity; nothing was sent.
        """

    @abstractmethod
    async def has_room(self, channel: str) -> bool:
        """Whether a named channel is below its capacity.

        Where it is not, messages with a time limit that are at its head and past it make room (see `request`).
        """

    @abstractmethod
    async def depth(self, channel: str) -> int:
        """How many messages a named channel holds, pending ones included."""

    @abstractmethod
    async def verify(self) -> None:
        """Ask every server whether it is one on which this layer can work. For the start of a process.

        Raises:
            UnfitServer: one is not.
            LayerUnavailable: one did not answer; all that did will do.
        """

    @abstractmethod
    async def flush(self) -> None:
        """Remove everything of this layer. For tests."""

    @abstractmethod
    async def close(self) -> None:
        """Give back what the running event loop uses of the layer. Calling the layer again opens it again."""
