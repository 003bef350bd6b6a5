"""Where messages go: the first line that matches a message's channel and keys names its consumer."""

from __future__ import annotations

from switchboard import django_view, include, route

channel_routing = [
    include("chat.routing.websocket_routing", path=r"^/chat"),
    include("chat.routing.tutorial_routing", path=r"^/ws/chat"),
    include("chat.routing.activity_routing"),
    include("chat.routing.repair_routing"),
    include("chat.routing.presence_routing"),
    route("http.request", "chat.health.healthz", path=r"^/healthz\Z"),
    route("http.request", django_view),
]
