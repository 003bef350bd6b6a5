"""python-socketio's `AsyncServer` with `AsyncRedisManager`, on uvicorn.

By https://python-socketio.readthedocs.io/en/stable/server.html: rooms by `enter_room`, `emit(room=…)`, the Redis
manager between processes, `ASGIApp`. In its favour: two processes ("Scalability notes" there), uvicorn with uvloop and
httptools (https://www.uvicorn.org/installation/, "with Cython-based dependencies"), the insert in a thread of its own,
without an ORM; sockets from the first byte, so nothing has to be sticky; no time limit on reads from Redis, as for the
other peers.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import socketio

server = socketio.AsyncServer(
    async_mode="asgi",
    client_manager=socketio.AsyncRedisManager(os.environ["REDIS_URL"], redis_options={"socket_timeout": None}),
    transports=["websocket"],
)
application = socketio.ASGIApp(server)

_rooms: dict[str, str] = {}
_writer = ThreadPoolExecutor(1)
_database = sqlite3.connect(
    Path(os.environ["DATA_DIR"]) / "db.sqlite3", isolation_level=None, timeout=20, check_same_thread=False
)
_database.executescript(
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    "CREATE TABLE IF NOT EXISTS message (id INTEGER PRIMARY KEY, room TEXT, handle TEXT, message TEXT, timestamp TEXT);"
    "CREATE INDEX IF NOT EXISTS message_room ON message (room);"
)


def _store(room: str, handle: str, message: str) -> str:
    now = datetime.now(UTC).isoformat()
    _database.execute(
        "INSERT INTO message (room, handle, message, timestamp) VALUES (?, ?, ?, ?)", (room, handle, message, now)
    )
    return now


@server.event  # type: ignore[untyped-decorator]
async def connect(sid: str, environ: dict[str, Any], auth: object) -> None:
    _rooms[sid] = parse_qs(environ["QUERY_STRING"])["room"][0]
    await server.enter_room(sid, _rooms[sid])


@server.event  # type: ignore[untyped-decorator]
async def disconnect(sid: str, reason: str) -> None:
    _rooms.pop(sid, None)


@server.event  # type: ignore[untyped-decorator]
async def message(sid: str, said: dict[str, str]) -> None:
    room, handle, text = _rooms[sid], said["handle"], said["message"]
    now = await asyncio.get_running_loop().run_in_executor(_writer, _store, room, handle, text)
    await server.emit("message", {"handle": handle, "message": text, "timestamp": now}, room=room)
