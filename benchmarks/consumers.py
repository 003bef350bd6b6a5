"""Consumers that do nothing but what is measured."""

from __future__ import annotations

from switchboard import Group, Message, route

#: Rounds of the loop below: some 25 ms of one core of a small machine, far more than a message itself costs.
ROUNDS = 400_000
#: The paths of `benchmarks.churn`.
CHURN = r"^/churn/\d+/$"


def accept(message: Message) -> None:
    """Let everybody in."""
    assert message.reply_channel is not None
    message.reply_channel.send({"accept": True})


def burn(message: Message) -> None:
    """Keep one core busy in Python for a while, then answer."""
    assert message.reply_channel is not None
    total = 0
    for number in range(ROUNDS):
        total += number * number % 7
    message.reply_channel.send({"text": str(total)})


def enter(message: Message) -> None:
    """Let the client in, into the room of its path."""
    accept(message)
    assert message.reply_channel is not None
    _room(message).add(message.reply_channel)


def tell(message: Message) -> None:
    """Send a text to everybody in the room."""
    _room(message).send({"text": message.content["text"]})


def leave(message: Message) -> None:
    """Take the client out of its room."""
    assert message.reply_channel is not None
    _room(message).discard(message.reply_channel)


def _room(message: Message) -> Group:
    return Group(message.content["path"].strip("/").replace("/", "."))


channel_routing = [
    route("websocket.connect", enter, path=CHURN),
    route("websocket.receive", tell, path=CHURN),
    route("websocket.disconnect", leave, path=CHURN),
    route("websocket.connect", accept),
    route("websocket.receive", burn),
]
