"""The ASGI application that Daphne serves.

It runs no model, view or consumer, and never calls ``django.setup()``: so it needs no restart when the application
changes. Of the settings it reads what concerns itself, and what ``setup`` would otherwise do for it, it does: reading
the settings sets the time zone, and the logging is configured here.

Daphne runs one coroutine for each connection. A socket's introduces the hub and the server to each other, if that is
our own, and ends; under stock Daphne it tells the hub what the client does. Everything else is done by the hub, which
outlives it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

from django.conf import settings as django_settings
from django.utils.log import configure_logging

from switchboard.conf import get_settings
from switchboard.interface.client_end import ABNORMAL_CLOSURE
from switchboard.interface.connection import Opening
from switchboard.interface.http import Request
from switchboard.interface.hub import Hub
from switchboard.interface.origin import OriginCheck
from switchboard.interface.wire import AsgiWire, Listener, Receive, Scope, Send, direct_wire
from switchboard.layers.base import Layer
from switchboard.layers.named import get_layer


class Interface:
    """The application. Reads the settings when it is made; the hub begins with `start` or the first connection.

    ``layer``: instead of the one that the settings name.

    Raises:
        ImproperlyConfigured: the settings are malformed, or name no layer on which an interface can run.
    """

    def __init__(self, layer: Layer | None = None, *, logging: bool = True) -> None:
        if logging:
            configure_logging(django_settings.LOGGING_CONFIG, django_settings.LOGGING)
        self._settings = get_settings()
        self._layer = layer or get_layer(self._settings.LAYER)
        self._origins = OriginCheck(allow_missing=self._settings.ALLOW_MISSING_ORIGIN)
        self._hub: Hub | None = None
        self._failed: Callable[[], None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "http":
            await Request(self._running_hub(), self._settings, scope, receive, send).serve()
        else:
            raise ValueError(f"this application has no {scope['type']!r}")

    async def verify(self) -> None:
        """Ask the layer's server whether it will do, before anybody is let in. See `Layer.verify`."""
        await self._layer.verify()

    def start(self, failed: Callable[[], None]) -> None:
        """Begin on the running loop, before the first connection. For a server that can end the process: it must do so
        when ``failed`` is called, since the interface serves nobody any more."""
        self._failed = failed
        self._running_hub()

    def stop(self, *, paced: bool = True) -> asyncio.Future[None]:
        """End the hub: see `Hub.stop`. Called by the server that ends, or by a trigger of its reactor."""
        if self._hub is None:
            nothing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            nothing.set_result(None)
            return nothing
        return self._hub.stop(paced=paced)

    def _running_hub(self) -> Hub:
        if self._hub is None:
            self._hub = Hub(self._layer, self._settings, self._failed)
            self._hub.start()
            _at_shutdown(self)
        return self._hub

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        hub = self._running_hub()
        if hub.stopping or not self._origins.allows(scope["headers"]):
            await send({"type": "websocket.close"})
            return
        wire = direct_wire(scope)
        if wire is not None:
            wire.hear(hub.open_socket(opening(scope), wire))
        else:
            await _listen(hub.open_socket(opening(scope), AsgiWire(send)), receive)


async def _listen(socket: Listener, receive: Receive) -> None:
    """Tell ``socket`` what the client does."""
    code = ABNORMAL_CLOSURE
    try:
        while (event := await receive())["type"] == "websocket.receive":
            text = event.get("text")
            socket.frame(event["bytes"] if text is None else text)
        code = event.get("code") or ABNORMAL_CLOSURE
    finally:
        # Also when Daphne cancels us, which it does when it ends, without a disconnect.
        socket.lost(code)


def opening(scope: Scope) -> Opening:
    """The handshake of ``scope``, in the format of ``websocket.connect`` of Channels 1.x."""
    content = {
        "path": scope["path"],
        "headers": [[name, value] for name, value in scope["headers"]],
        "query_string": scope.get("query_string", b""),
        "client": list(scope["client"]) if scope.get("client") else None,
        "server": list(scope["server"]) if scope.get("server") else None,
        "subprotocols": list(scope.get("subprotocols", ())),
        "scheme": scope.get("scheme", "ws"),
        "root_path": scope.get("root_path", ""),
    }
    return Opening(scope["path"], content, content["subprotocols"])


def _at_shutdown(interface: Interface) -> None:
    """Have Twisted wait for our end, where it is what runs us."""
    reactor: Any = sys.modules.get("twisted.internet.reactor")
    if reactor is None or getattr(reactor, "_asyncioEventloop", None) is not asyncio.get_running_loop():
        return
    from twisted.internet.defer import Deferred

    # Daphne's own trigger was added before and has cancelled the coroutines by then, but they have not run yet: the
    # close frames still go out, if all of them do at once.
    reactor.addSystemEventTrigger("before", "shutdown", lambda: Deferred.fromFuture(interface.stop(paced=False)))
