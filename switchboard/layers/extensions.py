"""What a layer can do beside carrying messages: its ``extensions``.

The specification of Channel layers leaves things to extensions, which a layer names in a list: ``groups``, ``flush``.
What interfaces and workers need of a layer are extensions too, one for each part of the contract in `base`. So what a
layer can do is read from what it says of itself; the layers that come with Channels name none of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

#: By name, what is promised with it.
OF_WORKERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "records": "the messages of a socket are handled in order, each once, and its session travels with them",
        "commits": "what a consumer sends leaves in one step with the acknowledgement of its message",
        "takeover": "what a dead worker held goes to another one",
        "inboxes": "an interface hears everything for its sockets in one stream, and notices a gap in it",
        "numbered groups": "members get the numbered messages of a group in order, and those they missed again",
        "requests": "HTTP requests go through workers, each at most once",
        "dead letters": "a message that ends its workers is put aside",
        "reaping": "the sockets of a dead interface are reported as closed",
        "recovery": "sockets outlive what the server loses",
    }
)


def lacking(layer: Any) -> list[str]:
    """The extensions that interfaces and workers need and ``layer`` does not name."""
    # Asked of the class: the pub/sub layer of channels-redis answers for itself on an event loop only.
    named = getattr(type(layer), "extensions", ())
    return [name for name in OF_WORKERS if name not in named]
