"""The limit: stock Daphne and one ASGI function. It stores nothing, knows no Redis, and writes to its room's sockets.

What is above this line in a result is not to be had with Daphne's own way of sending. One process, since rooms live in
its memory.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

Send = Callable[[dict[str, Any]], Awaitable[None]]

_rooms: dict[str, set[Send]] = defaultdict(set)


async def application(scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Send) -> None:
    """A room at each path."""
    if scope["type"] != "websocket":
        raise ValueError(f"{scope['type']} is not spoken here")
    room = _rooms[scope["path"]]
    try:
        while (event := await receive())["type"] != "websocket.disconnect":
            if event["type"] == "websocket.connect":
                room.add(send)
                await send({"type": "websocket.accept"})
            else:
                await _tell(room, json.loads(event["text"]))
    finally:
        room.discard(send)


async def _tell(room: set[Send], said: dict[str, str]) -> None:
    line = {"handle": said["handle"], "message": said["message"], "timestamp": datetime.now(UTC).isoformat()}
    frame = {"type": "websocket.send", "text": json.dumps(line)}
    for member in list(room):
        await member(frame)
