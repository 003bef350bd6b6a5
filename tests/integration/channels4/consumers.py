"""A chat with users, once asynchronous and once synchronous: who is there, login and logout inside the socket."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import async_to_sync
from channels.auth import AuthMiddlewareStack, login, logout
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.routing import URLRouter
from django.contrib.auth.models import User
from django.urls import path


class Chat(AsyncWebsocketConsumer):  # type: ignore[misc]
    """``login NAME``, ``logout``, ``who``, ``key``; anything else is said to the room."""

    async def connect(self) -> None:
        self.room = f"room_{self.scope['url_route']['kwargs']['room']}"
        await self.channel_layer.group_add(self.room, self.channel_name)
        await self.accept()
        await self.send(text_data=f"hello {self.scope['user']}")

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(self.room, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        word, _, name = (text_data or "").partition(" ")
        if word == "login":
            user = await database_sync_to_async(User.objects.get)(username=name)
            await login(self.scope, user)
            await database_sync_to_async(self.scope["session"].save)()
        elif word == "logout":
            await logout(self.scope)
            await database_sync_to_async(self.scope["session"].save)()
        elif word == "key":
            await self.send(text_data=self.scope["session"].session_key)
            return
        elif word != "who":
            said = f"{self.scope['user']}: {text_data}"
            await self.channel_layer.group_send(self.room, {"type": "room.said", "said": said})
            return
        await self.send(text_data=str(self.scope["user"]))

    async def room_said(self, event: dict[str, Any]) -> None:
        await self.send(text_data=event["said"])


class SyncChat(WebsocketConsumer):  # type: ignore[misc]
    """The same, and ``threads TEXT``: each word is said by a thread of its own."""

    def connect(self) -> None:
        self.room = f"room_{self.scope['url_route']['kwargs']['room']}"
        async_to_sync(self.channel_layer.group_add)(self.room, self.channel_name)
        self.accept()
        self.send(text_data=f"hello {self.scope['user']}")

    def disconnect(self, code: int) -> None:
        async_to_sync(self.channel_layer.group_discard)(self.room, self.channel_name)

    def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        word, _, rest = (text_data or "").partition(" ")
        if word == "login":
            async_to_sync(login)(self.scope, User.objects.get(username=rest))
            self.scope["session"].save()
        elif word == "logout":
            async_to_sync(logout)(self.scope)
            self.scope["session"].save()
        elif word == "key":
            self.send(text_data=self.scope["session"].session_key)
            return
        elif word == "threads":
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(self._say, rest.split()))
            return
        elif word != "who":
            self._say(text_data or "")
            return
        self.send(text_data=str(self.scope["user"]))

    def _say(self, text: str) -> None:
        event = {"type": "room.said", "said": f"{self.scope['user']}: {text}"}
        async_to_sync(self.channel_layer.group_send)(self.room, event)

    def room_said(self, event: dict[str, Any]) -> None:
        self.send(text_data=event["said"])


websocket_application = AuthMiddlewareStack(
    URLRouter([path("async/<room>/", Chat.as_asgi()), path("sync/<room>/", SyncChat.as_asgi())])
)
