"""The outbox: what a consumer sends leaves when it has returned, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from switchboard import (
    Channel,
    ChannelFull,
    ContentError,
    DenyConnection,
    Group,
    Message,
    channel_session,
    on_error,
    route,
)
from switchboard.layers.memory import MemoryLayer
from switchboard.routing import Router
from switchboard.testing.client import Client

Clients = Callable[..., Client]


def test_a_reply_reaches_the_socket(client_for: Clients) -> None:
    def shout(message: Message) -> None:
        message.reply_channel.send({"text": message["text"].upper()})  # type: ignore[union-attr]

    client = client_for(route("websocket.receive", shout))
    client.send_and_consume("websocket.receive", {"text": "tea"})
    assert client.received() == [{"text": "TEA"}]


def test_nothing_leaves_before_the_consumer_returns(client_for: Clients, layer: MemoryLayer) -> None:
    seen = []

    def consumer(message: Message) -> None:
        Channel("chat.log", channel_layer=layer).send({"a": 1})
        message.reply_channel.send({"text": "x"})  # type: ignore[union-attr]
        seen.extend([asyncio.run(layer.depth("chat.log")), client.receive()])

    client = client_for(route("websocket.receive", consumer))
    client.send_and_consume("websocket.receive")
    assert seen == [0, None]
    assert client.receive() == {"text": "x"}
    assert client.get_next_message("chat.log", require=True).content == {"a": 1}  # type: ignore[union-attr]


def test_a_consumer_that_raises_leaves_nothing_behind(client_for: Clients, layer: MemoryLayer) -> None:
    def consumer(message: Message) -> None:
        message.reply_channel.send({"text": "x"})  # type: ignore[union-attr]
        Group("g", channel_layer=layer).add(message.reply_channel)  # type: ignore[arg-type]
        raise ZeroDivisionError

    client = client_for(route("websocket.receive", consumer))
    client.send("websocket.receive")
    with pytest.raises(ZeroDivisionError):
        client.consume("websocket.receive")
    assert client.received() == [] and client.groups == set()
    assert asyncio.run(layer.depth("websocket.receive")) == 0, "the message was handled, if badly"


def test_an_error_hook_answers_in_place_of_the_consumer(client_for: Clients) -> None:
    def apologise(message: Message, error: Exception) -> None:
        message.reply_channel.send({"text": type(error).__name__})  # type: ignore[union-attr]

    @on_error(apologise)
    def consumer(message: Message) -> None:
        message.reply_channel.send({"text": "lost"})  # type: ignore[union-attr]
        raise ZeroDivisionError

    client = client_for(route("websocket.receive", consumer))
    client.send_and_consume("websocket.receive")
    assert client.received() == [{"text": "ZeroDivisionError"}]


def test_a_handshake_is_denied_by_an_exception(client_for: Clients) -> None:
    def consumer(message: Message) -> None:
        raise DenyConnection

    client = client_for(route("websocket.connect", consumer))
    client.send_and_consume("websocket.connect")
    assert client.received() == [{"close": True}]


def test_a_group_reaches_its_members_also_the_one_that_joined_just_now(client_for: Clients, layer: MemoryLayer) -> None:
    def consumer(message: Message) -> None:
        group = Group("room", channel_layer=layer)
        group.add(message.reply_channel)  # type: ignore[arg-type]
        group.send({"text": message["text"]})

    routing = route("websocket.receive", consumer)
    first, second = client_for(routing), client_for(routing)
    first.send_and_consume("websocket.receive", {"text": "a"})
    second.send_and_consume("websocket.receive", {"text": "b"})
    assert first.received() == [{"text": "a"}, {"text": "b"}]
    assert second.received() == [{"text": "b"}]


def test_outside_a_consumer_a_send_goes_at_once(client_for: Clients, layer: MemoryLayer) -> None:
    client = client_for()
    Group("room", channel_layer=layer).add(client.reply_channel)
    Group("room", channel_layer=layer).send({"text": "news"})
    Channel(client.reply_channel, channel_layer=layer).send({"text": "you"})
    assert client.received() == [{"text": "news"}, {"text": "you"}]


async def test_on_a_loop_one_awaits() -> None:
    layer = MemoryLayer()
    with pytest.raises(RuntimeError, match="asend"):
        Channel("chat.log", channel_layer=layer).send({})
    await Channel("chat.log", channel_layer=layer).asend({})
    assert await layer.depth("chat.log") == 1


def test_an_async_consumer_has_an_outbox_too(client_for: Clients, layer: MemoryLayer) -> None:
    async def consumer(message: Message) -> None:
        await Channel("chat.log", channel_layer=layer).asend({"a": 1})
        assert await layer.depth("chat.log") == 0
        message.reply_channel.send({"text": "x"})  # type: ignore[union-attr]

    client = client_for(route("websocket.receive", consumer))
    client.send_and_consume("websocket.receive")
    assert client.receive() == {"text": "x"}
    assert asyncio.run(layer.depth("chat.log")) == 1


def test_a_full_channel_is_said_inside_the_consumer() -> None:
    layer = MemoryLayer(channel_capacity={"chat.*": 1})
    caught = []

    def consumer(message: Message) -> None:
        try:
            Channel("chat.log", channel_layer=layer).send({})
        except ChannelFull as full:
            caught.append(str(full))

    client = Client(layer=layer, router=Router([route("websocket.receive", consumer)]))
    Channel("chat.log", channel_layer=layer).send({})
    client.send_and_consume("websocket.receive")
    assert caught == ["channel chat.log is at its capacity"]
    with pytest.raises(ChannelFull):
        Channel("chat.log", channel_layer=layer).send({})


def test_what_cannot_travel_is_an_error_of_the_consumer(client_for: Clients, layer: MemoryLayer) -> None:
    def consumer(message: Message) -> None:
        message.reply_channel.send({"text": object()})  # type: ignore[union-attr]

    client = client_for(route("websocket.receive", consumer))
    client.send_and_consume("websocket.receive")
    assert client.received() == []
    assert asyncio.run(layer.depth("websocket.receive")) == 0
    with pytest.raises(ContentError):
        Channel("chat.log", channel_layer=layer).send({"a": object()})


@pytest.mark.parametrize("name", ["", "a b", "ä", "x" * 100, "a!b!c", 3])
def test_names_are_checked(name: str, layer: MemoryLayer) -> None:
    with pytest.raises(TypeError):
        Channel(name, channel_layer=layer)
    with pytest.raises(TypeError):
        Group(name, channel_layer=layer)


def test_only_sockets_join_groups_and_only_dicts_are_sent(layer: MemoryLayer) -> None:
    with pytest.raises(TypeError, match="reply channels"):
        Group("g", channel_layer=layer).add("chat.log")
    for target in (Channel("a", channel_layer=layer), Group("g", channel_layer=layer)):
        with pytest.raises(TypeError, match="a dict"):
            target.send("text")  # type: ignore[arg-type]


def test_a_message_that_is_sent_on_reads_the_session_but_cannot_change_it(
    client_for: Clients, layer: MemoryLayer
) -> None:
    read = []

    def pass_on(message: Message) -> None:
        Channel("chat.work", channel_layer=layer).send({"reply_channel": str(message.reply_channel)})

    @channel_session
    def work(message: Message) -> None:
        read.append(message.channel_session["room"])
        message.reply_channel.send({"text": "done"})  # type: ignore[union-attr]

    @channel_session
    def vandal(message: Message) -> None:
        message.channel_session["room"] = "other"

    client = client_for(
        route("websocket.receive", pass_on),
        route("chat.work", work),
        route("chat.vandal", vandal),
        session={"room": "tea"},
    )
    client.send_and_consume("websocket.receive")
    client.consume("chat.work")
    assert read == ["tea"] and client.receive() == {"text": "done"}
    client.send("chat.vandal")
    with pytest.raises(TypeError, match="sent on"):
        client.consume("chat.vandal")
