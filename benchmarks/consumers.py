"""Consumers that do nothing but what is measured."""

from __future__ import annotations

from switchboard import Message, route

#: Rounds of the loop below: some 25 ms of one core of a small machine, far more than a message itself costs.
ROUNDS = 400_000


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


channel_routing = [
    route("websocket.connect", accept),
    route("websocket.receive", burn),
]
