"""The contract of a layer: what holds of all of it, and what both sides may call.

What interfaces ask is in `interface_contract`, what workers ask in `worker_contract`; one object answers both. It is
imported from here, with the values that go in and come out. A layer holds four things between the processes:

* **Named channels**, one queue each, read by workers. A message that a worker has received is *pending*: the worker
  owns it until it commits it, gives it back by falling silent, or another worker takes it over. A channel has a
  *capacity* in messages and one in bytes, and pending messages count. One that is empty takes a message of any size.
* **A record for each socket**: the highest order queued (``sent``), the highest handled (``acked``), the channel
  session. It is made by the enqueue of a connect and removed by the commit of a disconnect. It is what makes a
  frame that was queued twice, or run twice, count once.
* **An inbox for each interface**, its entries numbered from 1 without a hole. It is bounded in bytes that its
  interface has not read: an entry beyond the bound is not appended; instead the inbox is removed, and the interface
  with it from its groups, as by `Layer.close_inbox`. No call fails for it. The interface learns it from `Layer.beat`.
  An inbox that is empty takes an entry of any size.
* **Groups**: for each the set of interfaces that have members. The members are known to their interface only.

Every method is atomic: it happens whole, for all processes at once, or not at all; with several hosts this holds
of what happens on each. A method that raises `LayerUnavailable` may or may not have happened; calling it again is safe,
but for `request` and `publish`, whose messages may then be there twice. Cancelling a call is like `LayerUnavailable`:
what it asked for may have happened.
All methods may be called from any event loop, and at the same time.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self

from switchboard.events import Output
from switchboard.layers.extensions import OF_WORKERS
from switchboard.layers.interface_contract import MAX_READ, Beat, Enqueued, InterfaceContract, Receipt, SocketState
from switchboard.layers.tips import Tips
from switchboard.layers.worker_contract import (
    Attempt,
    Begun,
    Commit,
    DeadLetter,
    Delivery,
    Pending,
    SocketPage,
    WorkerContract,
)

__all__ = [
    "MAX_READ",
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
    "SocketPage",
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

    #: The last numbers of groups that left through this object.
    tips: Tips

    def __new__(cls, *_args: Any, **_options: Any) -> Self:
        # Not a cached_property: since Python 3.12 it has no lock, so threads that use it first at once get two objects.
        layer = super().__new__(cls)
        layer.tips = Tips()
        return layer

    @property
    def shards(self) -> Sequence[Layer]:
        """The parts that a worker reads each for itself: the layer, unless it lies on several hosts."""
        return [self]

    # -- for both

    @abstractmethod
    async def publish(self, outputs: Sequence[Output], *, window: int | None = None) -> None:
        """Let outputs leave at once, in their order, outside any commit.

        With a ``window``, which is for outputs to one interface, what is for a socket or a request is sent only as long
        as the inbox then holds at most so many unread bytes, or nothing else. What is for groups is sent anyway.

        Raises:
            ChannelFull: an `Envelope`'s channel is at its capacity; nothing was sent.
            InboxFull: the inbox holds too much for the ``window``; nothing was sent.
        """

    @abstractmethod
    async def has_room(self, channel: str) -> bool:
        """Whether a named channel is below its capacity, in messages and in bytes."""

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
