"""What workers ask of Redis: messages, commits, and each other's leases.

A `take` that is cancelled, or whose answer is lost, may have made messages this worker's without its knowing. They
are pending and nobody renews them, so they are taken over when the lease is over: late, not lost.

`Pending.delivered_at` is the server's clock at the delivery or the last renewal, exact to the millisecond; where a
busy server could not read it exactly, one look may be 1 ms off, which looks like a renewal and costs another lease.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from redis.exceptions import ResponseError

from switchboard.events import Ack, Claimed, Content, Output
from switchboard.layers.base import Attempt, Begun, Commit, Delivery, Layer, Pending
from switchboard.layers.capacity import MOST_DEAD_LETTERS
from switchboard.layers.redis.keys import WORKERS
from switchboard.layers.redis.shared import Shared
from switchboard.layers.redis.wire import Word, named_fields, pack
from switchboard.names import DISCONNECT, interface_of

logger = logging.getLogger(__name__)

#: Most pending messages that one `pending` shows of a channel.
_BATCH: Final = 500


class WorkerSide(Shared, Layer):
    """The methods for workers; the contract is `Layer`'s."""

    async def take(self, worker: str, channels: Collection[str], *, count: int, wait: float) -> Sequence[Delivery]:
        by_stream = {self._keys.stream(channel).encode(): channel for channel in channels}
        if not by_stream:
            return []

        async def read(*block: str | int) -> list[Delivery]:
            answer = await self._read_group(worker, by_stream, "COUNT", count, *block)
            rows = [(by_stream[stream], tag.decode(), fields) for stream, rows in answer for tag, fields in rows]
            deliveries = [await self._delivery(worker, *row, redelivered=False) for row in rows]
            return [delivery for delivery in deliveries if delivery is not None]

        return await self._waiting(read, wait)

    async def commit_all(self, worker: str, commits: Sequence[Commit]) -> Sequence[bool]:
        return await self._commit(worker, commits)

    async def bury(self, worker: str, delivery: Delivery, outputs: Sequence[Output] = (), *, reason: str) -> bool:
        letter = (self._wire.dead_letter(delivery.envelope), reason)
        return (await self._commit(worker, [Commit(delivery, outputs, failed=True)], letter))[0]

    async def _commit(
        self, worker: str, commits: Sequence[Commit], letter: tuple[bytes, str] = (b"", "")
    ) -> Sequence[bool]:
        packed: list[list[Word | list[Word]]] = []
        reached: set[int] = set()
        for commit in commits:
            envelope, channel = commit.delivery.envelope, commit.delivery.channel
            guard = self._guard(channel, envelope.socket, envelope.order, commit.session, failed=commit.failed)
            outputs, places = self._outputs(commit.outputs)
            packed.append([channel, commit.delivery.tag, commit.delivery.size, *guard, *letter, outputs])
            reached |= places
        # One word for all: each word of a command costs its client more than what is in it.
        answers = await self._run("commit", worker, MOST_DEAD_LETTERS, pack(packed))
        await self._relay.carry(reached)
        return [bool(answer) for answer in answers]

    def _guard(
        self, channel: str, socket: str | None, order: int | None, session: Content | None = None, *, failed: bool
    ) -> list[Word]:
        """The words of a commit that are about the socket's record."""
        if socket is None or order is None:
            return [""] * 6
        ack = self._wire.event(Ack(socket, order, failed, session))
        late = ack if session is None else self._wire.event(Ack(socket, order, failed))
        new_session = b"" if session is None else self._wire.session(session)
        return [socket, order, new_session, "1" if channel == DISCONNECT else "", ack, late]

    async def claim_request(self, worker: str, delivery: Delivery) -> bool:
        client = delivery.envelope.socket
        told: tuple[Word, ...] = ("", "", "")
        if client is not None:
            told = (interface_of(client), self._wire.event(Claimed(client, worker)), client)
        return bool(await self._run("claim_request", worker, delivery.channel, delivery.tag, *told))

    async def await_reports(self, channels: Collection[str], *, wait: float) -> Mapping[str, int]:
        names = {self._keys.report(channel).encode(): channel for channel in channels}
        if not names:
            return {}

        async def read(*block: str | int) -> list[tuple[str, int]]:
            if block:
                unread = await self._redis.command("BLPOP", *names, int(block[1]) / 1000) or ()
            else:
                unread = await self._run("take_reports", *names.values())
            keys, totals = unread[::2], unread[1::2]
            return [(names[key], int(total)) for key, total in zip(keys, totals, strict=True)]

        return dict(await self._waiting(read, wait))

    async def renew(self, worker: str, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        if not deliveries:
            return []
        pairs = [word for delivery in deliveries for word in (delivery.channel, delivery.tag)]
        return [deliveries[place] for place in await self._run("renew", worker, *pairs)]

    async def pending(self, channels: Collection[str], *, idle: float) -> Sequence[Pending]:
        channels = list(channels)
        found = await self._run("pending", int(idle * 1000), _BATCH, *channels)
        return [
            Pending(channel, tag.decode(), owner.decode(), delivered_at)
            for channel, rows in zip(channels, found, strict=True)
            for tag, owner, delivered_at, _ in rows
        ]

    async def take_over(self, worker: str, pending: Pending) -> Delivery | None:
        fields = await self._run("take_over", worker, pending.channel, pending.tag, pending.owner, pending.delivered_at)
        if fields is None:
            return None
        return await self._delivery(worker, pending.channel, pending.tag, fields, redelivered=True)

    async def begin(self, worker: str, delivery: Delivery) -> Attempt:
        envelope = delivery.envelope
        guard: list[Word] = ["", "", ""]
        if envelope.socket is not None and envelope.order is not None:
            ack = self._wire.event(Ack(envelope.socket, envelope.order))
            guard = [envelope.socket, envelope.order, ack]
        begun, number = await self._run("begin", worker, delivery.channel, delivery.tag, *guard)
        return Attempt(Begun(begun.decode()), number)

    async def forgive(self, worker: str, delivery: Delivery) -> None:
        await self._run("forgive", worker, delivery.channel, delivery.tag)

    async def beat_worker(self, worker: str) -> None:
        await self._redis.command("HINCRBY", self._keys.workers, worker, 1)
        await self._relay.carry_all()

    async def worker_beats(self) -> Mapping[str, int]:
        return await self._read_counts(self._keys.workers)

    async def retire(self, worker: str, channels: Collection[str]) -> None:
        await self._run("retire", worker, *channels)

    # -- reading streams

    async def _read_group(
        self, worker: str, by_stream: Mapping[bytes, str], *options: Word
    ) -> Sequence[tuple[bytes, Sequence[tuple[bytes, Sequence[bytes]]]]]:
        """New entries for the worker. Makes the consumer groups that are missing, as at first and after a flush."""
        streams = (*by_stream, *[b">"] * len(by_stream))
        read = ("XREADGROUP", "GROUP", WORKERS, worker, *options, "STREAMS", *streams)
        try:
            return await self._redis.command(*read) or ()
        except ResponseError as error:
            # UNBLOCKED: the stream went away while we waited, and its group with it.
            if not str(error).startswith(("NOGROUP", "UNBLOCKED")):
                raise
        await self._run("make_groups", *by_stream.values())
        return await self._redis.command(*read) or ()

    async def _delivery(
        self, worker: str, channel: str, tag: str, fields: Sequence[bytes], *, redelivered: bool
    ) -> Delivery | None:
        """None for a message that can't be read: whoever took it could not, so it becomes a dead letter."""
        size = self._wire.read_size(fields)
        try:
            envelope = self._wire.read_envelope(channel, fields)
        except Exception:
            logger.exception("message %s of %s can't be read; given up", tag, channel)
            guard = self._guard(channel, *self._wire.read_guard(fields), failed=True)
            letter = (named_fields(fields).get(b"e", b""), "it came from another version, or under other keys")
            given_up: list[Word | list[Word]] = [channel, tag, size, *guard, *letter, []]
            await self._run("commit", worker, MOST_DEAD_LETTERS, pack([given_up]))
            return None
        if not envelope.id:
            envelope = replace(envelope, id=f"{channel}/{tag}")  # the same on every delivery
        return Delivery(envelope, tag, redelivered, size)
