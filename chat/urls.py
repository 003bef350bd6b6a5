from __future__ import annotations

from django.urls import path, re_path

from chat import api, labels, owner, transcripts, views

app_name = "chat"

_ROOM = rf"^chat/(?P<label>{labels.LABEL_PATTERN})"

urlpatterns = [
    path("", views.landing, name="landing"),
    path("robots.txt", views.robots, name="robots"),
    path("chat/", views.landing, name="rooms"),
    path("chat/new/", views.new_room, name="new"),
    re_path(rf"{_ROOM}/\Z", views.room, name="room"),
    re_path(rf"{_ROOM}/transcript\.(?P<form>txt|json|html)\Z", transcripts.transcript, name="transcript"),
    re_path(rf"{_ROOM}/keys/(?P<token>[0-9a-f]{{32}})/\Z", owner.keys, name="keys"),
    re_path(rf"{_ROOM}/handle\Z", owner.handle, name="handle"),
    re_path(rf"{_ROOM}/topic\Z", owner.topic, name="topic"),
    re_path(rf"{_ROOM}/lock\Z", owner.lock, name="lock"),
    re_path(rf"{_ROOM}/mute\Z", owner.mute, name="mute"),
    re_path(rf"{_ROOM}/muted\Z", owner.muted, name="muted"),
    re_path(rf"{_ROOM}/delete\Z", owner.delete, name="delete"),
    re_path(rf"{_ROOM}/remove\Z", owner.remove, name="remove"),
    path("api/rooms/<str:label>/messages", api.messages, name="api-messages"),
]
