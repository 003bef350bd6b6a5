from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from chat.models import Message, Room


@admin.register(Room)
class RoomAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["label", "name", "last_seq", "created"]
    search_fields = ["label", "name"]
    date_hierarchy = "created"
    readonly_fields = ["last_seq", "created"]


@admin.register(Message)
class MessageAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A message added here reaches its room as any other does."""

    list_display = ["room", "seq", "handle", "message", "timestamp"]
    list_select_related = ["room"]
    search_fields = ["handle", "message", "room__label"]
    date_hierarchy = "timestamp"
    autocomplete_fields = ["room", "user"]
    readonly_fields = ["seq", "identity"]

    def get_readonly_fields(self, request: HttpRequest, obj: Message | None = None) -> list[str]:
        # Its number is the room's: it cannot move to another one.
        return [*self.readonly_fields, *(["room"] if obj else [])]
