"""What operators see and do under ``/admin/``. What they change is heard by the rooms as if somebody there had."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from chat import moderation
from chat.models import Ban, Member, Message, Room


def _save(obj: Model, form: Any, change: bool) -> None:
    """Save a new row whole, and of an old one only the fields that were changed in the form.

    A room counts its messages, and messages are deleted, while the form is open. Saving the whole row would undo that.
    """
    obj.save(update_fields=form.changed_data if change else None)


@admin.register(Room)
class RoomAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["label", "name", "topic", "locked", "last_seq", "created"]
    search_fields = ["label", "name"]
    date_hierarchy = "created"
    readonly_fields = ["last_seq", "pruned_seq", "created"]

    def save_model(self, request: HttpRequest, obj: Room, form: Any, change: bool) -> None:
        _save(obj, form, change)
        moderation.tell_about(obj)


@admin.register(Message)
class MessageAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A message added here reaches its room as any other does; one that is deleted leaves a tombstone."""

    list_display = ["room", "seq", "handle", "message", "timestamp", "deleted"]
    list_select_related = ["room"]
    search_fields = ["handle", "message", "room__label"]
    date_hierarchy = "timestamp"
    autocomplete_fields = ["room", "user"]
    readonly_fields = ["seq", "identity", "person", "deleted"]

    def get_readonly_fields(self, request: HttpRequest, obj: Message | None = None) -> list[str]:
        # Its number is the room's: it cannot move to another one.
        return [*self.readonly_fields, *(["room"] if obj else [])]

    def has_change_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj is not None and obj.deleted)

    def save_model(self, request: HttpRequest, obj: Message, form: Any, change: bool) -> None:
        _save(obj, form, change)

    def delete_model(self, request: HttpRequest, obj: Message) -> None:
        moderation.bury(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        for message in queryset.select_related("room"):
            moderation.bury(message)


@admin.register(Member)
class MemberAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """People in rooms: who holds keys, who is muted, who is banned."""

    list_display = ["handle", "room", "user", "here", "keys", "muted", "banned", "seen"]
    list_filter = ["here", "keys", "muted", "banned"]
    list_select_related = ["room", "user"]
    search_fields = ["handle", "room__label", "user__username"]
    fields = ["room", "handle", "user", "here", "seen", "keys", "muted", "banned"]
    readonly_fields = ["room", "handle", "user", "here", "seen"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Member, form: Any, change: bool) -> None:
        # Not the rest: they may be taking another handle at this moment.
        obj.save(update_fields=["keys", "muted", "banned"])
        moderation.enforce(obj)


@admin.register(Ban)
class BanAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["network", "room", "until", "note"]
    search_fields = ["network", "note", "room__label"]
    autocomplete_fields = ["room"]
