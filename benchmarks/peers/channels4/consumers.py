from __future__ import annotations

import json
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from benchmarks.peers.channels4.models import Message


class Chat(AsyncWebsocketConsumer):  # type: ignore[misc]
    """A room; its group has the room's name."""

    async def connect(self) -> None:
        self.room: str = self.scope["url_route"]["kwargs"]["room"]
        await self.channel_layer.group_add(self.room, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(self.room, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        said = json.loads(text_data or "")
        stored = await self.store(said["handle"], said["message"])
        line = {"handle": stored.handle, "message": stored.message, "timestamp": stored.timestamp.isoformat()}
        await self.channel_layer.group_send(self.room, {"type": "chat.message", "text": json.dumps(line)})

    async def chat_message(self, event: dict[str, Any]) -> None:
        await self.send(text_data=event["text"])

    @database_sync_to_async  # type: ignore[untyped-decorator]
    def store(self, handle: str, message: str) -> Message:
        stored = Message(room=self.room, handle=handle, message=message)
        stored.save(force_insert=True)
        return stored
