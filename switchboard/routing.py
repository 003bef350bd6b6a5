"""Which consumer takes which message: ``route`` and ``include``, as in Channels 1.x.

A routing is a list, tried from the top; the first match wins. A filter is a regular expression for one key of the
message, matched from the start of its value; its named groups become the consumer's keyword arguments. An
``include`` cuts what its prefix matched off the value before the routes inside see it; the consumer gets the
message as it came.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from switchboard.batches import most_at_once
from switchboard.message import Message
from switchboard.names import CONNECT, DISCONNECT, GROUP_REPAIR, HTTP_REQUEST, RECEIVE, check_channel

AnyConsumer: TypeAlias = Callable[..., Any]
Match: TypeAlias = tuple[AnyConsumer, dict[str, str]]

#: The socket is closed with this when no route takes its path.
CLOSE_UNKNOWN_PATH = 4404


class Routable(Protocol):
    """What may stand in a routing."""

    def match(self, message: Message) -> Match | None:
        """The consumer for ``message`` and its keyword arguments, or None."""

    def channel_names(self) -> set[str]:
        """Every channel that could match."""


class Route:
    """One consumer for messages of ``channels`` whose keys match ``filters``.

    Raises:
        ImproperlyConfigured: a consumer that can't be imported or called, a bad regular expression, an unnamed group.
    """

    def __init__(self, channels: str | Sequence[str], consumer: AnyConsumer | str, **filters: str) -> None:
        self.channels = {check_channel(name) for name in ([channels] if isinstance(channels, str) else channels)}
        self.consumer = _resolved(consumer)
        self.filters = _compiled(filters)

    def match(self, message: Message) -> Match | None:
        if message.channel.name not in self.channels:
            return None
        found = _matches(self.filters, message)
        return None if found is None else (self.consumer, _named_groups(found))

    def channel_names(self) -> set[str]:
        return set(self.channels)

    def batched(self) -> Mapping[str, int]:
        most = most_at_once(self.consumer)
        return dict.fromkeys(self.channels, most) if most else {}


class Include:
    """The routes of another routing, a list or a dotted path to one, behind ``prefixes``."""

    def __init__(self, routing: str | Sequence[Routable], **prefixes: str) -> None:
        self.routes = _routes(routing)
        self.prefixes = _compiled(prefixes)

    def match(self, message: Message) -> Match | None:
        found = _matches(self.prefixes, message)
        if found is None:
            return None
        rests = {key: match.string[match.end() :] for key, match in found.items()}
        inner = message.with_content(**rests) if rests else message
        return _first(self.routes, inner, _named_groups(found))

    def channel_names(self) -> set[str]:
        return {name for route in self.routes for name in route.channel_names()}

    def batched(self) -> Mapping[str, int]:
        return _batched(self.routes)


route = Route
include = Include


class Router:
    """The whole routing of a worker, with what Channels 1.x added by default at the end of it.

    Those are: ``websocket.connect`` on a path that no route takes is accepted and closed with 4404, and receives,
    disconnects and repairs of groups that no route takes are nothing to do. ``http.request`` goes to Django.
    """

    def __init__(self, routing: str | Sequence[Routable]) -> None:
        from switchboard.views import django_view

        self.routes = [
            *_routes(routing),
            Route(CONNECT, refuse_path),
            Route([RECEIVE, DISCONNECT, GROUP_REPAIR], ignore),
            Route(HTTP_REQUEST, django_view),
        ]

    def match(self, message: Message) -> Match | None:
        """The first route's answer, or None."""
        return _first(self.routes, message, {})

    def channel_names(self) -> set[str]:
        """Every channel that a worker with this routing consumes."""
        return {name for route in self.routes for name in route.channel_names()}

    def batched(self) -> Mapping[str, int]:
        """The channels of which several messages are worth taking at once, and how many at most: those of which a
        consumer takes a `batch`."""
        return _batched(self.routes)


def refuse_path(message: Message) -> None:
    """Accept, so that a browser learns the code, and close."""
    if message.reply_channel is not None:
        # A browser that offered subprotocols and is accepted without one reports 1006, not our code.
        subprotocol = {"subprotocol": offered[0]} if (offered := message.get("subprotocols")) else {}
        message.reply_channel.send({"accept": True, "close": CLOSE_UNKNOWN_PATH, **subprotocol})


def ignore(message: Message) -> None:
    """Nothing to do."""


def _batched(routes: Sequence[Routable]) -> Mapping[str, int]:
    most: dict[str, int] = {}
    for each in routes:
        # What stands in a routing need not know of batches.
        for name, size in getattr(each, "batched", dict)().items():
            most[name] = max(size, most.get(name, 1))
    return most


def _first(routes: Sequence[Routable], message: Message, outer: Mapping[str, str]) -> Match | None:
    for candidate in routes:
        found = candidate.match(message)
        if found is not None:
            consumer, kwargs = found
            return consumer, {**outer, **kwargs}
    return None


def _matches(filters: Mapping[str, re.Pattern[str]], message: Message) -> dict[str, re.Match[str]] | None:
    found = {}
    for key, regex in filters.items():
        match = regex.match(_text(message[key])) if key in message else None
        if match is None:
            return None
        found[key] = match
    return found


def _named_groups(found: Mapping[str, re.Match[str]]) -> dict[str, str]:
    # A group that took no part is left out, so that the consumer's default holds.
    return {name: value for match in found.values() for name, value in match.groupdict().items() if value is not None}


def _text(value: object) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)


def _compiled(filters: Mapping[str, str]) -> dict[str, re.Pattern[str]]:
    compiled = {}
    for key, pattern in filters.items():
        try:
            compiled[key] = re.compile(pattern)
        except re.error as error:
            raise ImproperlyConfigured(f"{key}={pattern!r} in a routing is no regular expression: {error}.") from error
        if compiled[key].groups != len(compiled[key].groupindex):
            raise ImproperlyConfigured(f"{key}={pattern!r} in a routing has a group without a name; use (?P<name>…).")
    return compiled


def _resolved(consumer: AnyConsumer | str) -> AnyConsumer:
    if isinstance(consumer, str):
        try:
            consumer = import_string(consumer)
        except ImportError as error:
            raise ImproperlyConfigured(f"the consumer {consumer!r} in a routing cannot be imported: {error}") from error
    if not callable(consumer):
        raise ImproperlyConfigured(f"a routing names {consumer!r} as a consumer, which cannot be called.")
    return consumer


def _routes(routing: str | Sequence[Routable]) -> list[Routable]:
    if isinstance(routing, str):
        try:
            routing = import_string(routing)
        except ImportError as error:
            raise ImproperlyConfigured(f"the routing {routing!r} cannot be imported: {error}") from error
    if not isinstance(routing, (list, tuple)):
        raise ImproperlyConfigured(f"a routing is a list of route() and include(), not {routing!r}.")
    for candidate in routing:
        if not (hasattr(candidate, "match") and hasattr(candidate, "channel_names")):
            raise ImproperlyConfigured(f"a routing holds {candidate!r}, which is no route() and no include().")
    return list(routing)
