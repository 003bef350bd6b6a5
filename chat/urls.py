from __future__ import annotations

from django.urls import path, re_path

from chat import labels, views

app_name = "chat"

urlpatterns = [
    path("", views.landing, name="landing"),
    path("chat/", views.landing, name="rooms"),
    path("chat/new/", views.new_room, name="new"),
    re_path(rf"^chat/(?P<label>{labels.LABEL_PATTERN})/\Z", views.room, name="room"),
]
