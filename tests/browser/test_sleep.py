"""Tabs beside each other, pages that went away and came back, sockets that only look open."""

from __future__ import annotations

import pytest
from playwright.sync_api import WebSocketRoute, expect

from switchboard.testing.waiting import wait_until
from tests.browser.acts import LATER, NOON, a_room, enter, expect_bodies, let_pass, say
from tests.browser.conftest import WATCHED, Somebody

pytestmark = [pytest.mark.chromium, pytest.mark.redis, pytest.mark.timeout(300)]


def test_two_tabs_do_not_take_each_others_drafts(somebody: Somebody) -> None:
    room = a_room()
    left = enter(somebody(), room)
    right = enter(left.context.new_page(), room)
    left.get_by_label("Message", exact=True).fill("half a thought")
    right.get_by_label("Message", exact=True).fill("a whole one")
    right.get_by_label("Message", exact=True).press("Enter")
    expect_bodies(left, "a whole one")
    expect(left.get_by_label("Message", exact=True)).to_have_value("half a thought")
    left.goto("/")
    enter(left, room)
    expect(left.get_by_label("Message", exact=True)).to_have_value("half a thought")


def test_away_and_back(somebody: Somebody) -> None:
    """By the browser's own buttons. What was said meanwhile is there, and what was being written."""
    room = a_room()
    page, other = enter(somebody(), room), enter(somebody(), room)
    say(page, "one", handle="ada")
    expect_bodies(other, "one")
    page.get_by_label("Message", exact=True).fill("half a thought")
    page.goto("/")
    say(other, "two", handle="bob")
    expect_bodies(other, "one", "two")
    page.go_back()
    expect(page.get_by_role("status")).to_have_text("Connected")
    expect_bodies(page, "one", "two")
    expect(page.get_by_label("Message", exact=True)).to_have_value("half a thought")
    page.get_by_label("Message", exact=True).press("Enter")
    expect_bodies(other, "one", "two", "half a thought")
    page.go_forward()
    expect(page.get_by_role("link", name="Create new chat room")).to_be_visible()
    page.go_back()
    expect_bodies(page, "one", "two", "half a thought")
    expect(page.get_by_label("Message", exact=True)).to_have_value("")


#: The first socket never opens, as in a network that swallows everything.
HANGING = """
    window.WebSocket = class extends WebSocket {
      constructor(...how) {
        if (!window.hung) return window.hung = { readyState: 0, close() {} };
        super(...how);
      }
    };
"""


def test_a_connection_that_hangs_from_the_beginning(somebody: Somebody) -> None:
    page = somebody()
    page.add_init_script(HANGING)
    # That it is back is shown for a moment only.
    page.clock.install(time=NOON)
    page.clock.pause_at(LATER)
    page.goto(a_room())
    say(page, "is anybody there?")
    page.clock.run_for(1_600)
    expect(page.get_by_role("status")).to_contain_text("You can keep typing")
    page.get_by_role("button", name="Try now").click()
    expect(page.get_by_role("status")).to_have_text("Back online")
    expect_bodies(page, "is anybody there?")


@pytest.mark.parametrize("trigger", ["online", "pageshow", "visibilitychange"])
def test_a_connection_that_only_looks_open_is_found_out_after_a_sleep(somebody: Somebody, trigger: str) -> None:
    page, asleep = somebody(), list[bool]()
    page.add_init_script(WATCHED)
    wires: list[WebSocketRoute] = []

    def pass_on(wire: WebSocketRoute) -> None:
        server, first = wire.connect_to_server(), not wires
        wires.append(wire)
        server.on_message(lambda text: None if first and asleep else wire.send(text))
        wire.on_message(lambda text: None if first and asleep else server.send(text))

    page.route_web_socket("**/chat/**", pass_on)
    page.clock.install()
    enter(page, a_room())
    event = f"(document.on{trigger} === undefined ? window : document).dispatchEvent(new Event('{trigger}'))"
    page.evaluate(event)
    let_pass(page, seconds=8)
    assert page.evaluate("heard.some(({ t }) => t === 'pong')")
    say(page, "still here")
    expect_bodies(page, "still here")
    assert len(wires) == 1
    asleep.append(True)
    page.evaluate(event)
    page.clock.fast_forward(6_000)
    page.clock.fast_forward(3_000)
    wait_until(lambda: page.evaluate("wires.length > 1"))
    say(page, "awake")
    expect_bodies(page, "still here", "awake")
