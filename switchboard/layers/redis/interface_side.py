"""What interfaces ask of Redis: inboxes, socket records, requests, leaves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Final

from switchboard.events import Envelope, InboxEntry
from switchboard.exceptions import InboxLost, InboxRemoved
from switchboard.layers.base import MAX_READ, Beat, Enqueued, Layer, Receipt
from switchboard.layers.redis.shared import Shared
from switchboard.layers.redis.wire import Word
from switchboard.names import CONNECT, DISCONNECT

#: Seconds that a report waits for its worker.
_REPORT_LIFE: Final = 60


class InterfaceSide(Shared, Layer):
    """The methods for interfaces; the contract is `Layer`'s."""

    async def open_inbox(self, interface: str) -> Beat:
        return _beat(await self._run("open_inbox", interface, self._capacities.inbox_bytes))

    async def close_inbox(self, interface: str) -> None:
        await self._run("close_inbox", interface)

    async def read_inbox(
        self, interface: str, after: int, *, wait: float, count: int = MAX_READ, drop: bool = False
    ) -> Sequence[InboxEntry]:
        key = self._keys.inbox(interface)
        drops = drop

        async def read(*block: str | int) -> list[InboxEntry]:
            nonlocal drops
            words = ("XREAD", "COUNT", count, *block, "STREAMS", key, f"{after}-0")
            if drops:
                answer = await self._redis.run_before("drop_read", (self._keys.prefix, interface, after), *words)
                drops = False
            else:
                answer = await self._redis.command(*words)
            return [self._wire.read_inbox_entry(row) for _, rows in answer or () for row in rows]

        return await self._waiting(read, wait)

    async def beat(self, interface: str, read: int) -> Beat:
        answer = await self._run("beat", interface, read)
        if answer is None:
            raise InboxLost(interface)
        if answer == b"removed":
            raise InboxRemoved(interface)
        return _beat(answer)

    async def enqueue_many(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        if not envelopes:
            return []
        answers = await self._run("enqueue", *chain.from_iterable(map(self._seven_words, envelopes)))
        return [self._receipt(answer) for answer in answers]

    def _seven_words(self, envelope: Envelope) -> Sequence[Word]:
        assert envelope.socket is not None and envelope.order is not None
        channel = envelope.channel
        capacity = self._capacities.of(channel)
        bounds: tuple[Word, Word] = ("", "") if channel == DISCONNECT else (capacity.messages, capacity.size)
        path = envelope.content.get("path", "") if channel == CONNECT else ""
        return envelope.socket, envelope.order, channel, self._wire.envelope(envelope), *bounds, path

    def _receipt(self, answer: bytes) -> Receipt:
        outcome, _, session = answer.partition(b" ")
        return Receipt(Enqueued(outcome.decode()), self._wire.read_session(session))

    async def request(self, envelope: Envelope, *, timeout: float) -> bool:
        channel = envelope.channel
        capacity = self._capacities.of(channel)
        words = (channel, self._wire.envelope(envelope), capacity.messages, capacity.size, int(timeout * 1000))
        return bool(await self._run("request", *words))

    async def leave(self, interface: str, group: str, read: int) -> bool:
        return bool(await self._run("leave", interface, group, read))

    async def report_written(self, channel: str, total: int) -> None:
        await self._run("report_written", channel, total, _REPORT_LIFE)


def _beat(answer: tuple[int, bytes]) -> Beat:
    last, run_id = answer
    return Beat(last, run_id.decode())
