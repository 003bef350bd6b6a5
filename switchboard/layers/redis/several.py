"""Several hosts behind one layer: who is asked.

What concerns an interface is asked of its home. What concerns all hosts is asked of all that answer: one that is away
takes its own share with it and nothing else. With one host, everything is asked of that.

Long readers take from each of the `shards` themselves. `SeveralForWorkers.take` does it for them in turns, which is
slower: a call that waits on one host may not be cut off because another has something, or it would leave messages in
nobody's hands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final, TypeVar

from switchboard.events import Envelope, InboxEntry
from switchboard.exceptions import LayerUnavailable
from switchboard.layers.base import MAX_READ, Beat, Layer, Receipt, SocketPage, SocketState
from switchboard.layers.redis.homes import Homes
from switchboard.layers.redis.host import Host

T = TypeVar("T")

#: Seconds for a host to answer where the others' answers are waiting for it.
_PATIENCE: Final = 1.0


class Several(Layer):
    """How hosts are asked, and what is asked about interfaces; the contract is `Layer`'s."""

    _hosts: Sequence[Host]
    _homes: Homes

    @property
    def shards(self) -> Sequence[Layer]:
        return self._hosts

    def _home(self, interface: str) -> Host:
        return self._hosts[self._homes.of_name(interface)]

    def _home_of(self, reply_channel: str) -> Host:
        return self._hosts[self._homes.of_socket(reply_channel)]

    async def _ask_all(self, ask: Callable[[Host], Awaitable[T]]) -> list[tuple[int, T]]:
        """The answers of all hosts that are there, by their places.

        Raises:
            LayerUnavailable: none is.
        """
        if len(self._hosts) == 1:
            return [(0, await ask(self._hosts[0]))]
        answers = await asyncio.gather(*(_answer(ask, host) for host in self._hosts))
        away = [answer for answer in answers if isinstance(answer, LayerUnavailable)]
        if len(away) == len(answers):
            raise away[0]
        return [(place, answer) for place, answer in enumerate(answers) if not isinstance(answer, LayerUnavailable)]

    # -- for interfaces

    async def open_inbox(self, interface: str) -> Beat:
        return await self._home(interface).open_inbox(interface)

    async def close_inbox(self, interface: str) -> None:
        await self._home(interface).close_inbox(interface)

    async def read_inbox(
        self, interface: str, after: int, *, wait: float, count: int = MAX_READ, drop: bool = False
    ) -> Sequence[InboxEntry]:
        return await self._home(interface).read_inbox(interface, after, wait=wait, count=count, drop=drop)

    async def beat(self, interface: str, read: int) -> Beat:
        return await self._home(interface).beat(interface, read)

    async def enqueue_many(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        """An interface's sockets are all at home on one host, so mostly one is asked."""
        receipts: dict[int, Receipt] = {}
        for host in self._hosts:
            here = [number for number, envelope in enumerate(envelopes) if self._home_of(envelope.socket or "") is host]
            if here:
                taken = await host.enqueue_many([envelopes[number] for number in here])
                receipts.update(zip(here, taken, strict=True))
        return [receipts[number] for number in range(len(envelopes))]

    async def restore(self, sockets: Sequence[SocketState]) -> None:
        for host in self._hosts:
            await host.restore([socket for socket in sockets if self._home_of(socket.channel) is host])

    async def rejoin(self, interface: str, groups: Collection[str]) -> None:
        await self._home(interface).rejoin(interface, groups)

    async def request(self, envelope: Envelope, *, timeout: float) -> bool:
        assert envelope.socket is not None
        return await self._home_of(envelope.socket).request(envelope, timeout=timeout)

    async def leave(self, interface: str, group: str, read: int) -> bool:
        return await self._home(interface).leave(interface, group, read)

    async def report_written(self, channel: str, total: int) -> None:
        await self._home_of(channel).report_written(channel, total)

    async def sockets_of(self, interface: str) -> Sequence[SocketState]:
        return await self._home(interface).sockets_of(interface)

    async def scan_sockets(self, interface: str, *, every: float, include_busy: bool = False) -> SocketPage | None:
        return await self._home(interface).scan_sockets(interface, every=every, include_busy=include_busy)

    async def interface_beats(self) -> Mapping[str, int]:
        answers = await self._ask_all(lambda host: host.interface_beats())
        return {interface: beat for _, beats in answers for interface, beat in beats.items()}

    async def watch_interfaces(self, *, unbroken: float) -> Mapping[str, float]:
        answers = await self._ask_all(lambda host: host.watch_interfaces(unbroken=unbroken))
        return {interface: still for _, found in answers for interface, still in found.items()}

    async def known_interfaces(self, *, watched: float) -> Collection[str] | None:
        answers = await asyncio.gather(*(host.known_interfaces(watched=watched) for host in self._hosts))
        known = [names for names in answers if names is not None]
        return [name for names in known for name in names] if len(known) == len(answers) else None


async def _answer(ask: Callable[[Host], Awaitable[T]], host: Host) -> T | LayerUnavailable:
    try:
        async with asyncio.timeout(_PATIENCE):
            return await ask(host)
    except LayerUnavailable as error:
        return error
    except TimeoutError:
        return LayerUnavailable("no answer")
