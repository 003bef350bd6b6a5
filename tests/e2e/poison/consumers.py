"""``die`` ends the process at once, as a crash in a C library would; ``hang`` never comes back; all else is echoed."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from switchboard import Message, on_error, route


def accept(message: Message) -> None:
    assert message.reply_channel is not None
    message.reply_channel.send({"accept": True})


def regret(message: Message, error: Exception) -> None:
    assert message.reply_channel is not None
    message.reply_channel.send({"text": f"{type(error).__name__}: {error}"})


@on_error(regret)
def echo(message: Message) -> None:
    assert message.reply_channel is not None
    text = message["text"]
    if text == "die" and not Path(os.environ["ANTIDOTE"]).exists():
        os._exit(70)
    if text == "hang":
        threading.Event().wait()
    message.reply_channel.send({"text": text})


channel_routing = [route("websocket.connect", accept), route("websocket.receive", echo)]
