"""The test client itself: what the authors of consumers rely on in their tests."""

from __future__ import annotations

import pytest

from switchboard import ChannelFull, Group, Message, channel_session, on_error, route
from switchboard.layers.memory import MemoryLayer
from switchboard.routing import Routable, Router
from switchboard.testing.client import Client


def client_of(*routes: Routable, layer: MemoryLayer | None = None, **options: object) -> Client:
    return Client(layer=layer or MemoryLayer(), router=Router(list(routes)), **options)  # type: ignore[arg-type]


def tell_tea(message: Message) -> None:
    Group("tea", channel_layer=message.channel_layer).send({"text": "tea is ready"})


def broken(message: Message) -> None:
    raise RuntimeError("broken on purpose")


def apologise(message: Message, error: BaseException) -> None:
    assert message.reply_channel is not None
    message.reply_channel.send({"text": "sorry"})


@on_error(apologise)
def broken_and_sorry(message: Message) -> None:
    raise RuntimeError("broken on purpose")


@channel_session
def count(message: Message) -> None:
    message.channel_session["n"] = message.channel_session.get("n", 0) + 1


def test_a_member_of_a_group_hears_it() -> None:
    layer = MemoryLayer()
    member, other = (client_of(route("kettle", tell_tea), layer=layer) for _ in range(2))
    member.join_group("tea")
    other.send_and_consume("kettle")
    assert member.received() == [{"text": "tea is ready"}] and other.received() == []
    assert (member.groups, other.groups) == ({"tea"}, set())


def test_a_message_is_taken_away_without_running_anything() -> None:
    client = client_of(route("kettle", broken))
    client.send("kettle", {"water": 1})
    taken = client.get_next_message("kettle", require=True)
    assert taken is not None and taken["water"] == 1
    assert client.get_next_message("kettle") is None
    with pytest.raises(AssertionError, match="no message on kettle"):
        client.get_next_message("kettle", require=True)


def test_where_there_is_nothing_to_consume() -> None:
    client = client_of(route("kettle", broken))
    with pytest.raises(AssertionError, match="no message on kettle"):
        client.consume("kettle")
    assert client.consume("kettle", fail_on_none=False) is False


def test_what_a_consumer_raised_is_raised_unless_its_hook_answers() -> None:
    with pytest.raises(RuntimeError, match="on purpose"):
        client_of(route("websocket.receive", broken)).send_and_consume("websocket.receive")
    client = client_of(route("websocket.receive", broken_and_sorry))
    client.send_and_consume("websocket.receive")
    assert client.receive() == {"text": "sorry"}


@pytest.mark.parametrize("channel", ["kettle", "websocket.connect"])
def test_a_full_channel(channel: str) -> None:
    layer = MemoryLayer(channel_capacity={"*": 1})
    client_of(layer=layer).send(channel)
    with pytest.raises(ChannelFull):
        client_of(layer=layer).send(channel)


def test_the_session_it_begins_with_and_the_one_that_it_has_then() -> None:
    client = client_of(route("websocket.receive", count), session={"n": 40})
    for _ in range(2):
        client.send_and_consume("websocket.receive")
    assert client.received() == []
    assert client.channel_session == {"n": 42}
