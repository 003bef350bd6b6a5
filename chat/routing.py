"""Which consumer gets what, below the prefixes that the project's ``routing`` gives them."""

from __future__ import annotations

from chat import activity, consumers, receiving, repair
from switchboard import route

_LABEL = r"^/(?P<label>[^/]*)/\Z"

#: Below /chat: the sockets of the room pages, and the public one, which has no slash at its end.
websocket_routing = [
    route("websocket.connect", consumers.connect_public, path=r"^/public\Z"),
    route("websocket.connect", consumers.connect_page, path=_LABEL),
    route("websocket.receive", receiving.receive),
    route("websocket.disconnect", consumers.disconnect),
]

#: Below /ws/chat: the sockets of the Channels tutorial.
tutorial_routing = [
    route("websocket.connect", consumers.connect_tutorial, path=_LABEL),
    route("websocket.receive", receiving.receive),
    route("websocket.disconnect", consumers.disconnect),
]

activity_routing = [route(activity.CHANNEL, activity.write_log)]

presence_routing = [route("websocket.reconcile", consumers.reconcile)]

repair_routing = [route("group.repair", repair.repair)]
