"""What stock Daphne serves."""

from __future__ import annotations

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from tests.integration.channels4.consumers import websocket_application  # noqa: E402 - it needs models

application = ProtocolTypeRouter({"http": django_application, "websocket": websocket_application})
