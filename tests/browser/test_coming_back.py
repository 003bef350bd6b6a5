"""A connection that is lost: what brings it back at once, and when it stays away, in words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from switchboard.testing.waiting import wait_until
from tests.browser.acts import LATER, NOON, a_room, enter, enter_and_stand_still, expect_bodies, say
from tests.browser.conftest import WATCHED, Somebody
from tests.site import Site

pytestmark = [pytest.mark.chromium, pytest.mark.redis, pytest.mark.timeout(300)]


def press(page: Page) -> None:
    page.get_by_role("button", name="Try now").click()


def come_online(page: Page) -> None:
    page.context.set_offline(True)
    page.context.set_offline(False)


TRIGGERS: dict[str, Callable[[Page], None]] = {
    "Try now": press,
    "online": come_online,
    "visibilitychange": lambda page: page.evaluate("document.dispatchEvent(new Event('visibilitychange'))"),
    "pageshow": lambda page: page.evaluate("dispatchEvent(new Event('pageshow'))"),
}


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_it_is_tried_at_once_when_there_is_reason_to(somebody: Somebody, site: Site, trigger: str) -> None:
    page = somebody()
    page.add_init_script(WATCHED)
    enter_and_stand_still(page, a_room())
    status = page.get_by_role("status")
    site.interface.kill()
    wait_until(lambda: page.evaluate("wires[0].readyState === WebSocket.CLOSED"))
    # One attempt falls into this time, and fails.
    page.clock.run_for(1_600)
    wait_until(lambda: page.evaluate("wires.length > 1 && wires.at(-1).readyState === WebSocket.CLOSED"))
    expect(status).to_have_text("Reconnecting… You can keep typing; messages will be sent when you’re back.")
    site.interface.start()
    expect(status).to_contain_text("Reconnecting…")
    TRIGGERS[trigger](page)
    expect(status).to_have_text("Back online")
    page.clock.run_for(3_000)
    expect(status).to_have_text("Connected")
    expect(page.get_by_role("button", name="Try now")).to_be_hidden()


def test_an_interface_that_is_stopped_is_left_for_one_connection(somebody: Somebody, site: Site) -> None:
    page = somebody()
    page.add_init_script(WATCHED)
    # The page comes back in the first half second, and what the interface said of moving is due later.
    page.add_init_script("Math.random = () => 0.5")
    enter_and_stand_still(page, a_room())
    site.interface.terminate()
    wait_until(lambda: page.evaluate("wires[0].readyState === WebSocket.CLOSED"))
    assert page.evaluate("heard.some(({ t }) => t === 'moving')")
    site.interface.start()
    page.clock.run_for(5_000)
    expect(page.get_by_role("status")).to_have_text("Back online")
    say(page, "here again")
    expect_bodies(page, "here again")
    assert page.evaluate("wires.length") == 2


def test_who_is_banned_is_told_so_and_does_not_try_again(somebody: Somebody, site: Site) -> None:
    room = a_room()
    ada, bob = enter(somebody(), room), somebody()
    bob.add_init_script(WATCHED)
    bob.clock.install()
    say(enter(bob, room), "spam", handle="bob")
    expect_bodies(ada, "spam")
    ban = (
        "from chat import moderation; from chat.models import Member; "
        f"bob = Member.objects.get(room__label='{room.split('/')[2]}', handle='bob'); "
        "bob.banned = True; bob.save(); moderation.enforce(bob)"
    )
    site.manage("shell", "-v", "0", "-c", ban)
    expect(bob.get_by_role("status")).to_have_text("You were banned from this room.")
    bob.clock.fast_forward(120_000)
    say(bob, "let me in")
    expect(bob.get_by_role("alert")).to_have_text("You were banned from this room.")
    expect(bob.get_by_label("Message", exact=True)).to_have_value("let me in")
    assert bob.evaluate("wires.length") == 1
    bob.reload()
    expect(bob.get_by_role("status")).to_have_text("You were banned from this room.")
    expect(ada.locator("#log .line")).to_have_count(1)


def test_what_is_too_crowded_is_tried_again_when_it_may_be(somebody: Somebody) -> None:
    page, wires = somebody(), list[WebSocketRoute]()

    def crowded_once(wire: WebSocketRoute) -> None:
        wires.append(wire)
        if len(wires) > 1:
            wire.connect_to_server()
        else:
            wire.close(code=4408)

    page.route_web_socket("**/chat/**", crowded_once)
    page.clock.install(time=NOON)
    # What is shown for a second or two is else gone before somebody looks.
    page.clock.pause_at(LATER)
    page.goto(a_room())
    status = page.get_by_role("status")
    expect(status).to_contain_text("Trying again in 30 s.")
    page.clock.fast_forward(10_000)
    expect(status).to_contain_text("Trying again in 2")
    assert len(wires) == 1
    page.clock.fast_forward(21_000)
    expect(status).to_have_text("Back online")
    assert len(wires) == 2
