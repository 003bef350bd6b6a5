"""Consumers that take several messages at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

import pytest
from django.db import OperationalError

from switchboard import Message, batch, channel_session, on_error, route
from switchboard.events import Ack, Envelope, Reply
from switchboard.testing.waiting import await_until
from switchboard.worker import pace
from switchboard.worker.pace import FIRST_SIZE, Pace
from tests.unit.worker.conftest import INTERFACE, Scene

RECEIVE = "websocket.receive"


def sockets(number: int) -> list[str]:
    return [f"{INTERFACE}!s{n}" for n in range(number)]


async def have_sent(scene: Scene, texts: Sequence[str]) -> list[str]:
    """As many sockets with one message each on ``websocket.receive``; what lay on other channels is gone."""
    names = sockets(len(texts))
    for name, text in zip(names, texts, strict=True):
        await scene.enqueue(0, name)
        [connect] = await scene.layer.take("worker.0", ["websocket.connect"], count=1, wait=0)
        await scene.layer.commit("worker.0", connect)
        await scene.enqueue(1, name, text=text)
    return names


async def acked(scene: Scene, names: Sequence[str]) -> list[Reply]:
    """What was replied once every message is acknowledged, in the order of the sockets."""

    async def done() -> bool:
        events = await scene.events()
        return {(e.channel, e.order) for e in events if isinstance(e, Ack)} >= {(name, 1) for name in names}

    await await_until(done, "all acknowledged")
    replies = [event for event in await scene.events() if isinstance(event, Reply)]
    return sorted(replies, key=lambda reply: names.index(reply.channel))


class Echo:
    """A batch consumer that answers each with its text, unless ``fails`` says otherwise; remembers its batches."""

    def __init__(self, fails: Callable[[list[str]], Exception | None] = lambda texts: None) -> None:
        self.batches: list[list[str]] = []
        self.fails = fails

    def __call__(self, messages: list[Message]) -> None:
        texts = [message["text"] for message in messages]
        self.batches.append(texts)
        for message in messages:
            with message.sending():
                assert message.reply_channel is not None
                message.reply_channel.send({"text": message["text"]})
        if (error := self.fails(texts)) is not None:
            raise error


async def test_what_is_there_comes_together_and_each_is_answered(scene: Scene) -> None:
    echo = Echo()
    names = await have_sent(scene, ["a", "b", "c"])
    async with scene.worker(routes=[route(RECEIVE, batch(echo))]):
        assert await acked(scene, names) == [
            Reply(name, {"text": text}) for name, text in zip(names, "abc", strict=True)
        ]
    assert echo.batches == [["a", "b", "c"]]


async def test_no_batch_is_larger_than_the_consumer_wants(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "TARGET", 20.0)  # or one that takes 50 ms is followed by smaller ones
    echo = Echo()
    names = await have_sent(scene, list("abcde"))
    async with scene.worker(routes=[route(RECEIVE, batch(echo, most=2))]):
        await acked(scene, names)
    assert [len(texts) for texts in echo.batches] == [2, 2, 1]


async def test_one_that_raises_harms_no_neighbour(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    echo = Echo(lambda texts: ValueError("on purpose") if "bad" in texts else None)
    names = await have_sent(scene, ["a", "bad", "c"])
    async with scene.worker(routes=[route(RECEIVE, batch(echo))]):
        replies = await acked(scene, names)
    assert [reply.content["text"] for reply in replies] == ["a", "c"]
    assert Ack(names[1], 1, failed=True) in await scene.events()
    assert sorted(map(len, echo.batches)) == [1, 1, 1, 3]
    assert [record.levelname for record in caplog.records].count("ERROR") == 1  # of the one at fault alone


async def test_its_error_hook_answers_for_the_one_at_fault(scene: Scene) -> None:
    def sorry(message: Message, error: Exception) -> None:
        assert message.reply_channel is not None
        message.reply_channel.send({"text": f"sorry, {message['text']}"})

    echo = Echo(lambda texts: ValueError("on purpose") if "bad" in texts else None)
    names = await have_sent(scene, ["a", "bad"])
    async with scene.worker(routes=[route(RECEIVE, on_error(sorry)(batch(echo)))]):
        replies = await acked(scene, names)
    assert [reply.content["text"] for reply in replies] == ["a", "sorry, bad"]


async def test_a_database_that_is_away_is_waited_for_by_all(scene: Scene) -> None:
    echo = Echo(lambda texts: OperationalError("database is locked") if len(echo.batches) < 3 else None)
    names = await have_sent(scene, ["a", "b"])
    async with scene.worker(routes=[route(RECEIVE, batch(echo))]):
        assert len(await acked(scene, names)) == 2
    assert echo.batches == [["a", "b"]] * 3


async def test_to_send_for_no_message_is_an_error(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    def vague(messages: list[Message]) -> None:
        assert messages[0].reply_channel is not None
        messages[0].reply_channel.send({"text": "?"})

    names = await have_sent(scene, ["a", "b"])
    caplog.set_level("INFO", "switchboard.worker")
    async with scene.worker(routes=[route(RECEIVE, batch(vague))]):
        await acked(scene, names)
    assert "with message.sending()" in caplog.text


async def test_sessions_are_of_each_message(scene: Scene) -> None:
    @batch
    @channel_session
    def count(messages: list[Message]) -> None:
        for message in messages:
            message.channel_session["text"] = message["text"]

    names = await have_sent(scene, ["a", "b"])
    async with scene.worker(routes=[route(RECEIVE, count)]):
        await acked(scene, names)
    sessions = {
        event.channel: event.session for event in await scene.events() if isinstance(event, Ack) and event.order
    }
    assert sessions == {names[0]: {"text": "a"}, names[1]: {"text": "b"}}


async def test_an_async_consumer_and_arguments_from_the_routing(scene: Scene) -> None:
    @batch
    async def greet(messages: list[Message]) -> None:
        for message in messages:
            with message.sending():
                assert message.reply_channel is not None
                await message.reply_channel.asend({"text": message.kwargs["name"]})

    names = await have_sent(scene, ["hi ada", "hi bob"])
    async with scene.worker(routes=[route(RECEIVE, greet, text=r"hi (?P<name>\w+)")]):
        assert [reply.content["text"] for reply in await acked(scene, names)] == ["ada", "bob"]


async def test_what_is_redelivered_runs_alone(scene: Scene) -> None:
    echo = Echo()
    names = await have_sent(scene, ["a", "b", "c"])
    await scene.layer.take("worker.dead", [RECEIVE], count=2, wait=0)
    async with scene.worker(routes=[route(RECEIVE, batch(echo))]):
        await acked(scene, names)
    assert sorted(echo.batches) == [["a"], ["b"], ["c"]]


async def test_a_plain_consumer_on_the_same_channel_is_called_as_ever(scene: Scene) -> None:
    def plain(message: Message) -> None:
        assert message.reply_channel is not None
        message.reply_channel.send({"text": f"plain {message['text']}"})

    echo = Echo()
    names = await have_sent(scene, ["a", "x", "b"])
    async with scene.worker(routes=[route(RECEIVE, plain, text="x"), route(RECEIVE, batch(echo))]):
        replies = await acked(scene, names)
    assert [reply.content["text"] for reply in replies] == ["a", "plain x", "b"]
    assert echo.batches == [["a", "b"]]


async def test_the_next_batch_runs_while_the_last_is_committed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, commit_all = asyncio.Event(), scene.layer.commit_all

    async def slow(*arguments: object) -> Sequence[bool]:
        await gate.wait()
        return await commit_all(*arguments)  # type: ignore[arg-type]

    echo = Echo()
    names = await have_sent(scene, ["a", "b"])
    monkeypatch.setattr(scene.layer, "commit_all", slow)
    async with scene.worker(routes=[route(RECEIVE, batch(echo, most=1))]):
        await await_until(lambda: len(echo.batches) == 2, "both ran")
        gate.set()
        await acked(scene, names)


async def test_a_commit_that_returns_does_not_let_the_next_batch_begin_while_one_runs(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, commit_all = asyncio.Event(), scene.layer.commit_all

    async def slow(*arguments: object) -> Sequence[bool]:
        await gate.wait()
        return await commit_all(*arguments)  # type: ignore[arg-type]

    held = threading.Event()
    fences: list[int] = []

    def hold(messages: list[Message]) -> None:
        echo(messages)
        if messages[0]["text"] == "b":
            held.wait(20)

    def fence(message: Message) -> None:
        fences.append(message["n"])

    echo = Echo()
    names = await have_sent(scene, ["a", "b", "c"])
    monkeypatch.setattr(scene.layer, "commit_all", slow)
    async with scene.worker(routes=[route(RECEIVE, batch(hold, most=1)), route("fences", fence)]):
        try:
            await await_until(lambda: len(echo.batches) >= 2, "the second runs")
            gate.set()
            await acked(scene, names[:1])
            for n in range(5):  # it is long enough for the worker to do other things
                await scene.layer.publish([Envelope("fences", str(n), {"n": n})])
                await await_until(lambda: len(fences) > n, "it passed")  # noqa: B023
            assert echo.batches == [["a"], ["b"]] and await scene.layer.depth(RECEIVE) == 2
        finally:
            held.set()
        await acked(scene, names)


async def test_a_message_of_no_socket_may_be_batched_too(scene: Scene) -> None:
    seen: list[int] = []

    @batch
    def note(messages: list[Message]) -> None:
        seen.extend(message["n"] for message in messages)

    await scene.layer.publish([Envelope("notes", str(n), {"n": n}) for n in range(5)])
    async with scene.worker(routes=[route("notes", note)]):
        await await_until(lambda: seen == list(range(5)), "all")


class TestPace:
    def test_a_slow_consumer_gets_one_at_a_time(self) -> None:
        pace = Pace(100)
        assert pace.size == FIRST_SIZE
        pace.took(8.0, 8)
        assert pace.size == 1

    def test_a_fast_one_gets_all_it_wants(self) -> None:
        pace = Pace(100)
        pace.took(0.001, 8)
        assert pace.size == 100
        assert Pace(3).size == 3

    def test_it_forgets_a_slow_moment(self) -> None:
        pace = Pace(100)
        pace.took(10.0, 1)
        for _ in range(40):
            pace.took(0.0001, 1)
        assert pace.size == 100
