"""Routes: first match wins, named groups are arguments, prefixes are cut for the routes inside."""

from __future__ import annotations

from typing import Any, cast

import pytest
from django.core.exceptions import ImproperlyConfigured

from switchboard import Message, include, route
from switchboard.layers.memory import MemoryLayer
from switchboard.routing import CLOSE_UNKNOWN_PATH, Router, ignore, refuse_path


def first(message: Message, **kwargs: str) -> None: ...


def second(message: Message, **kwargs: str) -> None: ...


ROUTING = [route("websocket.receive", first, path=r"^/(?P<room>[a-z]+)/$")]


def message(channel: str = "websocket.receive", **content: object) -> Message:
    return Message(content, channel, MemoryLayer())


def test_the_first_match_wins() -> None:
    router = Router([route("websocket.receive", first), route("websocket.receive", second)])
    assert router.match(message()) == (first, {})


def test_named_groups_become_arguments() -> None:
    router = Router([route("websocket.receive", first, path=r"/(?P<room>[a-z]+)/", text="(?P<word>a)?")])
    assert router.match(message(path="/tea/", text="b")) == (first, {"room": "tea"})


def test_all_filters_have_to_match_and_their_keys_have_to_be_there() -> None:
    router = Router([route("websocket.receive", first, path="/a", text="x")])
    assert router.match(message(path="/a", text="y")) == (ignore, {})
    assert router.match(message(path="/a")) == (ignore, {})


def test_a_filter_is_anchored_at_the_start_only() -> None:
    router = Router([route("websocket.receive", first, path="/a")])
    assert router.match(message(path="/abc")) == (first, {})
    assert router.match(message(path="/x/a")) == (ignore, {})


def test_bytes_are_matched_as_text() -> None:
    router = Router([route("websocket.receive", first, query_string="a=(?P<a>.)")])
    assert router.match(message(query_string=b"a=1")) == (first, {"a": "1"})


def test_one_route_for_several_channels() -> None:
    router = Router([route(["chat.a", "chat.b"], first)])
    assert router.match(message("chat.a")) == router.match(message("chat.b")) == (first, {})
    assert router.match(message("chat.c")) is None


def test_an_include_cuts_its_prefix_for_the_routes_inside_only() -> None:
    inner = [route("websocket.receive", first, path=r"^/(?P<room>[a-z]+)/$")]
    router = Router([include(inner, path=r"^/(?P<area>chat|ws)")])
    incoming = message(path="/chat/tea/")
    assert router.match(incoming) == (first, {"area": "chat", "room": "tea"})
    assert incoming["path"] == "/chat/tea/"
    assert router.match(message(path="/tea/")) == (ignore, {})


def test_the_inner_group_wins_over_the_prefix() -> None:
    inner = [route("websocket.receive", first, path="(?P<name>.)")]
    assert Router([include(inner, path="(?P<name>.)")]).match(message(path="ab")) == (first, {"name": "b"})


def test_a_routing_and_a_consumer_may_be_named_by_dotted_path() -> None:
    router = Router("tests.unit.consumers.test_routing.ROUTING")
    assert router.match(message(path="/tea/")) == (first, {"room": "tea"})
    assert route("a", f"{__name__}.first").consumer is first


def test_what_no_route_takes_has_an_answer_where_a_socket_waits_for_one() -> None:
    router = Router([])
    assert router.match(message("websocket.connect")) == (refuse_path, {})
    assert router.match(message("websocket.disconnect")) == (ignore, {})
    assert router.match(message("chat.log")) is None
    assert CLOSE_UNKNOWN_PATH == 4404


def test_a_worker_consumes_what_is_routed_and_the_defaults() -> None:
    assert Router([include([route("chat.log", first)])]).channel_names() == {
        "chat.log",
        "group.repair",
        "http.request",
        "websocket.connect",
        "websocket.receive",
        "websocket.disconnect",
    }


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: route("a", first, path="("), "no regular expression"),
        (lambda: route("a", first, path="(.)"), "without a name"),
        (lambda: route("a", "chat.nowhere.at_all"), "cannot be imported"),
        (lambda: route("a", cast(Any, 3)), "cannot be called"),
        (lambda: include("chat.nowhere.at_all"), "cannot be imported"),
        (lambda: include([cast(Any, first)]), "no route"),
        (lambda: Router(cast(Any, {"a": first})), "is a list"),
    ],
)
def test_a_mistake_is_one_sentence(make, says) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ImproperlyConfigured, match=says):
        make()


def test_a_channels_name_is_checked() -> None:
    with pytest.raises(TypeError, match="a channel's name"):
        route("no spaces", first)
