"""What people do to a page without meaning it: too much, twice, with a name that fills the screen; and what others send
them. Nothing breaks, and nothing that was typed is gone."""

from __future__ import annotations

import json
import re
import uuid

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.acts import (
    a_room,
    ada_and_bob,
    bodies,
    enter,
    enter_and_stand_still,
    expect_bodies,
    menu,
    say,
    welcomed,
)
from tests.browser.conftest import Somebody

pytestmark = [pytest.mark.chromium, pytest.mark.redis, pytest.mark.timeout(300)]

FAMILY = "👩‍👩‍👧‍👦"


def sticking_out(page: Page) -> list[str]:
    """What reaches over an edge of the page, or makes it, or a part of it that scrolls, scroll sideways."""
    return page.evaluate(  # type: ignore[no-any-return]
        """() => {
             const parts = ".handle, .at, .seal, .notice, .hint, .who, input, textarea, button, summary, .leaf";
             const out = [...document.querySelectorAll(parts)].filter((each) => {
               const { left, right } = each.getBoundingClientRect();
               return each.checkVisibility() && (left < -0.5 || right > innerWidth + 0.5);
             });
             const wide = [document.documentElement, ...document.querySelectorAll("#scroller, .leaf, .composer")]
               .filter((each) => each.checkVisibility() && each.scrollWidth > each.clientWidth);
             return [...out, ...wide].map((each) => each.outerHTML.slice(0, 200));
           }"""
    )


def test_a_double_click_does_what_a_click_does(somebody: Somebody) -> None:
    room = a_room()
    page, watcher = enter(somebody(), room), enter(somebody(), room)
    page.get_by_label("Message", exact=True).fill("once")
    page.get_by_role("button", name="Send").dblclick()
    expect_bodies(watcher, "once")
    page.locator("#people > summary").dblclick()
    page.locator("#older").evaluate("each => { each.click(); each.click() }")
    menu(page)
    page.get_by_text("Delete this room…").click()
    page.get_by_role("button", name="Delete it for good").dblclick()
    expect(page.get_by_role("link", name="Create new chat room")).to_be_visible()
    page.get_by_role("link", name="Create new chat room").dblclick()
    expect(page.get_by_role("status")).to_have_text("Connected")
    expect(page.get_by_text("This room is empty")).to_be_visible()


def test_whoever_signs_up_by_a_double_click_has_an_account_and_is_logged_in(somebody: Somebody) -> None:
    page, name = somebody(), f"ada-{uuid.uuid4().hex[:6]}"
    page.goto("/accounts/signup/")
    page.get_by_label("Name").fill(name)
    for label in ("Password", "The password once more"):
        page.get_by_label(label, exact=True).fill("lovelace-1815")
    page.get_by_role("button", name="Sign up").dblclick()
    expect(page.get_by_text(name)).to_be_visible()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


def test_the_longest_names_leave_room_for_all_else(somebody: Somebody) -> None:
    page = enter(somebody(viewport={"width": 360, "height": 700}), a_room())
    pictures = FAMILY * 18
    for handle in ("W" * 32, pictures, "🇰🇷 min", "i" * 31 + "W"):
        page.get_by_label("You are").fill("")
        page.get_by_label("You are").focus()
        # As by hand: a browser stops where it thinks that a name is too long.
        page.keyboard.insert_text(handle)
        page.get_by_label("Message", exact=True).fill(f"@{handle}")
        page.get_by_role("button", name="Send").click()
        expect(page.locator("#log .handle").last).to_have_text(handle)
        assert sticking_out(page) == [], handle
        box = page.locator("#log .line").last.locator(".at").bounding_box()
        assert box is not None and box["x"] + box["width"] <= 360
    initials = ["W", FAMILY, "🇰🇷", "i"]
    expect(page.locator("#log .seal")).to_have_text(initials)
    page.reload()
    expect(page.locator("#log .seal")).to_have_text(initials)
    # Before that it is told of nobody who comes.
    welcomed(page)
    other = enter(somebody(viewport={"width": 360, "height": 700}), page.url)
    say(other, "hi", handle="W" * 32)
    expect(page.locator("#log .notice")).to_contain_text("W" * 32)
    assert sticking_out(page) == []
    page.get_by_label("Message", exact=True).press_sequentially("@W")
    expect(page.locator("#hint")).to_contain_text("Tab completes")
    assert sticking_out(page) == []
    name = page.get_by_label("You are").bounding_box()
    assert name is not None and name["width"] > 60
    page.locator("#people > summary").click()
    expect(page.get_by_role("button", name="Mute " + "W" * 32)).to_be_visible()
    assert sticking_out(page) == []
    page.keyboard.press("Escape")
    page.locator("#log .line").last.hover()
    expect(page.locator("#log").get_by_role("button", name="Mute " + "W" * 32)).to_be_visible()
    assert sticking_out(page) == []


def test_a_name_that_is_too_long_is_told_so_and_keeps_the_text(somebody: Somebody) -> None:
    page = enter(somebody(), a_room())
    say(page, "dear text", handle="x" * 33)
    note = page.locator("#pending").get_by_role("alert")
    expect(note).to_contain_text("Not sent. A handle may have at most 32 characters.")
    page.get_by_label("You are").fill("x" * 32)
    page.get_by_label("You are").press("Enter")
    note.get_by_role("button", name="Retry").click()
    expect_bodies(page, "dear text")


def test_a_hundred_kilobytes_that_were_pasted(somebody: Somebody) -> None:
    """They stay as they are, are counted, and can be cut down to what may be sent."""
    page = somebody(viewport={"width": 360, "height": 700}, permissions=["clipboard-read", "clipboard-write"])
    enter(page, a_room())
    box = page.get_by_label("Message", exact=True)
    # Not in short lines: for nine thousand of them Chromium needs ten seconds, and half a minute when it is busy.
    pasted = f"{'0123456789' * 10}012345678\n" * 900 + "🍵" * 1_000
    page.evaluate("(text) => navigator.clipboard.writeText(text)", pasted)
    box.press("Control+V")
    expect(page.locator("#hint")).to_have_text("98000 characters too many.")
    box.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("This is too long for one message. Nothing was sent.")
    send = page.get_by_role("button", name="Send").bounding_box()
    assert send is not None and send["y"] + send["height"] <= 700
    page.reload()
    expect(page.get_by_role("status")).to_have_text("Connected")
    expect(box).to_have_value(pasted)
    expect(page.locator("#hint")).to_have_text("98000 characters too many.")
    box.fill("short")
    box.press("Enter")
    expect_bodies(page, "short")


def test_a_link_that_cannot_be_copied(somebody: Somebody) -> None:
    page = somebody()
    page.add_init_script(
        "Object.assign(navigator.clipboard, { async writeText() { throw new DOMException('no', 'NotAllowedError') } })"
    )
    enter_and_stand_still(page, a_room())
    page.locator("#copy").click()
    expect(page.locator("#copy")).to_have_text("That did not work. Try again.")
    expect(page.get_by_role("link", name=page.url)).to_be_visible()
    page.clock.run_for(2_000)
    expect(page.locator("#copy")).to_have_text("Copy link")


def test_frames_that_nobody_knows_change_nothing(somebody: Somebody) -> None:
    page, wires = somebody(), list[WebSocketRoute]()

    def note(wire: WebSocketRoute) -> None:
        wire.connect_to_server()
        wires.append(wire)

    page.route_web_socket("**/chat/**", note)
    enter(page, a_room())
    for frame in ({"t": "tomorrow", "x": 1}, {"t": "toString"}, {"t": "constructor"}, {}):
        wires[0].send(json.dumps(frame))
    say(page, "all well")
    expect_bodies(page, "all well")


def test_what_bidirectional_text_does_to_its_neighbours(somebody: Somebody) -> None:
    """Overrides that were never closed end with the message; names and times stand as ever."""
    ada, bob = ada_and_bob(somebody, bob_says="plain")
    say(bob, "\u202e\u2067abc\u202d")
    say(bob, "after")
    expect(ada.locator("#log .line")).to_have_count(3)
    assert bodies(ada)[2] == "after"
    rows = ada.locator("#log .line .said")
    lefts = rows.evaluate_all(
        """rows => rows.map((row) => {
             const range = document.createRange();
             range.selectNodeContents(row);
             return Math.round(range.getBoundingClientRect().left);
           })"""
    )
    assert lefts[0] == lefts[2]
    assert re.fullmatch(r"\d+:\d\d.[AP]M", ada.locator("#log .at").first.inner_text())
