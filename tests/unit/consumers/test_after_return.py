"""A send after its consumer has returned: an error where it is made, never a silent loss."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from typing import Any

import pytest

from switchboard import Channel, Group, Message, OutboxClosed, batch, on_error, route
from switchboard.events import Ack, Reply
from switchboard.layers.memory import MemoryLayer
from switchboard.testing.client import Client
from switchboard.testing.waiting import await_until
from tests.unit.worker.conftest import INTERFACE, SOCKET, Scene

Clients = Callable[..., Client]


@pytest.fixture
async def scene() -> Scene:
    scene = Scene()
    await scene.layer.open_inbox(INTERFACE)
    return scene


class Later:
    """Work that a consumer starts and does not wait for; it goes on when the test calls `finish`."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[None]] = []
        self._go_on = asyncio.Event()

    def start(self, work: Callable[[], Coroutine[Any, Any, None]], context: Context | None = None) -> None:
        async def later() -> None:
            await self._go_on.wait()
            await work()

        self.tasks.append(asyncio.create_task(later(), context=context))

    async def finish(self) -> list[BaseException | None]:
        """Let the work run; return what each piece of it raised."""
        self._go_on.set()
        return await asyncio.gather(*self.tasks, return_exceptions=True)


async def test_a_task_that_outlives_its_consumer_cannot_send(scene: Scene) -> None:
    later = Later()

    async def consumer(message: Message) -> None:
        assert message.reply_channel is not None
        later.start(lambda: message.reply_channel.asend({"text": "late"}))  # type: ignore[union-attr]
        await message.reply_channel.asend({"text": "in time"})

    async with scene.worker(consumer):
        await scene.enqueue(0)
        await scene.expect(Reply(SOCKET, {"text": "in time"}), Ack(SOCKET, 0))
        [error] = await later.finish()
    assert isinstance(error, OutboxClosed)
    assert "immediately=True" in str(error) and "before the consumer returns" in str(error)
    assert len(await scene.events()) == 2


async def test_a_thread_that_copied_the_context_cannot_send_either(scene: Scene) -> None:
    go_on, raised = threading.Event(), []

    def late(message: Message) -> None:
        assert go_on.wait(timeout=20)
        for send in (Group("g", channel_layer=scene.layer).send, message.reply_channel.send):  # type: ignore[union-attr]
            try:
                send({"text": "late"})
            except OutboxClosed as error:
                raised.append(error)

    threads = []

    def consumer(message: Message) -> None:
        threads.append(threading.Thread(target=copy_context().run, args=(late, message)))
        threads[0].start()

    async with scene.worker(consumer):
        await scene.enqueue(0)
        await scene.expect(Ack(SOCKET, 0))
        go_on.set()
        await await_until(lambda: not threads[0].is_alive(), "the thread to end")
    assert len(raised) == 2


async def test_what_a_failed_consumer_and_its_error_hook_left_behind_cannot_send(scene: Scene) -> None:
    later = Later()

    async def apologize(message: Message, error: Exception) -> None:
        later.start(lambda: message.reply_channel.asend({"text": "late"}))  # type: ignore[union-attr]
        await message.reply_channel.asend({"text": "sorry"})  # type: ignore[union-attr]

    @on_error(apologize)
    async def consumer(message: Message) -> None:
        later.start(lambda: message.reply_channel.asend({"text": "late"}))  # type: ignore[union-attr]
        raise ZeroDivisionError

    async with scene.worker(consumer):
        await scene.enqueue(0)
        await scene.expect(Reply(SOCKET, {"text": "sorry"}), Ack(SOCKET, 0))
        errors = await later.finish()
    assert [type(error) for error in errors] == [OutboxClosed, OutboxClosed]


async def test_a_batch_that_returned_takes_nothing_for_any_of_its_messages(scene: Scene) -> None:
    later, sizes = Later(), []

    async def consumer(messages: list[Message]) -> None:
        sizes.append(len(messages))

        async def inside() -> None:
            with messages[-1].sending():
                await messages[-1].reply_channel.asend({"text": "late"})  # type: ignore[union-attr]

        later.start(inside)
        later.start(lambda: messages[0].reply_channel.asend({"text": "late"}))  # type: ignore[union-attr]

    for socket in "xy":
        await scene.enqueue(0, f"{INTERFACE}!{socket}")
    async with scene.worker(routes=[route("websocket.connect", batch(consumer))]):
        await scene.expect(Ack(f"{INTERFACE}!x", 0), Ack(f"{INTERFACE}!y", 0))
        errors = await later.finish()
    assert sizes == [2]
    assert [type(error) for error in errors] == [OutboxClosed, OutboxClosed]


async def test_a_failed_batch_closes_its_outboxes_and_each_message_gets_another(scene: Scene) -> None:
    later = Later()

    async def consumer(messages: list[Message]) -> None:
        for message in messages:
            with message.sending():
                await message.reply_channel.asend({"text": "in time"})  # type: ignore[union-attr]
        if len(messages) > 1:

            async def inside() -> None:
                with messages[0].sending():
                    await messages[0].reply_channel.asend({"text": "late"})  # type: ignore[union-attr]

            later.start(inside)
            raise ZeroDivisionError

    one, other = f"{INTERFACE}!x", f"{INTERFACE}!y"
    for socket in (one, other):
        await scene.enqueue(0, socket)
    async with scene.worker(routes=[route("websocket.connect", batch(consumer))]):
        await await_until(lambda: later.tasks, "the batch to fail")
        [error] = await later.finish()
        await scene.expect(
            Reply(one, {"text": "in time"}), Ack(one, 0), Reply(other, {"text": "in time"}), Ack(other, 0)
        )
    assert isinstance(error, OutboxClosed)


@pytest.mark.parametrize("way", ["immediately", "own context"])
async def test_how_to_send_after_the_consumer_returned(scene: Scene, way: str) -> None:
    later = Later()

    async def consumer(message: Message) -> None:
        if way == "immediately":
            later.start(lambda: message.reply_channel.asend({"text": "late"}, immediately=True))  # type: ignore[union-attr]
        else:
            later.start(lambda: message.reply_channel.asend({"text": "late"}), Context())  # type: ignore[union-attr]

    async with scene.worker(consumer):
        await scene.enqueue(0)
        await scene.expect(Ack(SOCKET, 0))
        assert await later.finish() == [None]
        await scene.expect(Ack(SOCKET, 0), Reply(SOCKET, {"text": "late"}))


def test_immediately_does_not_wait_for_the_consumer(client_for: Clients, layer: MemoryLayer) -> None:
    def consumer(message: Message) -> None:
        group = Group("g", channel_layer=layer)
        group.add(message.reply_channel, immediately=True)  # type: ignore[arg-type]
        group.send({"text": "one"}, immediately=True)
        message.reply_channel.send({"text": "two"}, True)  # type: ignore[union-attr]
        group.discard(message.reply_channel, immediately=True)  # type: ignore[arg-type]
        Channel("chat.log", channel_layer=layer).send({"reply_channel": str(message.reply_channel)}, immediately=True)
        raise ZeroDivisionError

    client = client_for(route("websocket.receive", consumer), session={"room": "tea"})
    with pytest.raises(ZeroDivisionError):
        client.send_and_consume("websocket.receive")
    assert client.received() == [{"text": "one"}, {"text": "two"}] and client.groups == set()
    sent_on = client.get_next_message("chat.log", require=True)
    assert sent_on is not None and sent_on.travelling_session == {"room": "tea"}
