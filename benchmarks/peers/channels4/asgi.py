from __future__ import annotations

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.peers.channels4.settings")
pages = get_asgi_application()  # before the consumers: they import models

from benchmarks.peers.channels4.consumers import Chat  # noqa: E402

application = ProtocolTypeRouter({"http": pages, "websocket": URLRouter([path("chat/<room>/", Chat.as_asgi())])})
