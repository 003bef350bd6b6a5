"""Being together: who is here and how they are called, who types, who is meant, and who holds the keys."""

from __future__ import annotations

import json
import re
import uuid

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from switchboard.testing.waiting import wait_until
from tests.browser.conftest import Somebody
from tests.browser.test_room import a_room, bodies, enter, expect_bodies, menu, say

pytestmark = [pytest.mark.chromium, pytest.mark.redis, pytest.mark.timeout(120)]


def called(page: Page, handle: str) -> None:
    name = page.get_by_label("You are")
    name.fill(handle)
    name.press("Enter")


def test_who_is_here(somebody: Somebody) -> None:
    room = a_room()
    ada = enter(somebody(), room)
    say(ada, "hi", handle="ada")
    bob = enter(somebody(), room)
    expect(bob.locator("#count")).to_have_text("2")
    called(bob, "bob")
    expect(ada.locator("#log .notice")).to_have_text("bob joined")
    ada.locator("#people > summary").click()
    expect(ada.locator("#roster .handle")).to_have_text(["ada", "bob"])
    called(bob, "robert")
    expect(ada.locator("#log .notice")).to_have_text("robert joined")
    expect(ada.locator("#roster .handle")).to_have_text(["ada", "robert"])
    # That somebody came is no message: neither counted nor repeated after the next one.
    assert not ada.title().startswith("(")
    say(bob, "hello")
    expect(ada.locator("#log li:not(.day)")).to_have_count(3)


def test_a_name_is_one_persons(somebody: Somebody) -> None:
    room = a_room()
    ada, eve = enter(somebody(), room), enter(somebody(), room)
    say(ada, "it is me", handle="ada")
    expect_bodies(eve, "it is me")
    say(eve, "it is me, too", handle="ＡＤＡ")
    note = eve.locator("#pending").get_by_role("alert")
    expect(note).to_contain_text("Not sent.")
    expect(eve.get_by_label("You are")).to_have_attribute("aria-invalid", "true")
    called(eve, "eve")
    note.get_by_role("button", name="Retry").click()
    expect(ada.locator("#log .handle")).to_have_text(["ada", "eve"])
    expect_bodies(ada, "it is me", "it is me, too")


def test_who_types_is_told_unless_it_is_switched_off(somebody: Somebody) -> None:
    room = a_room()
    ada, bob = enter(somebody(), room), enter(somebody(), room)
    say(bob, "hi", handle="bob")
    expect_bodies(ada, "hi")
    box = bob.get_by_label("Message", exact=True)

    def seen_typing() -> bool:
        box.press_sequentially("o")
        return ada.locator("#typing").inner_text() == "bob is typing…"

    wait_until(seen_typing, timeout=20)
    text = box.input_value()
    box.press("Enter")
    expect_bodies(ada, "hi", text)
    expect(ada.locator("#typing")).to_have_text("")
    menu(ada)
    ada.get_by_label("Show when somebody types, and when I do").uncheck()
    ada.reload()
    menu(ada)
    expect(ada.get_by_label("Show when somebody types, and when I do")).not_to_be_checked()


def test_somebody_is_meant(somebody: Somebody) -> None:
    room = a_room()
    ada, bob = enter(somebody(), room), enter(somebody(), room)
    say(ada, "hi", handle="quiet otter")
    expect_bodies(bob, "hi")
    box = bob.get_by_label("Message", exact=True)
    box.press_sequentially("@qui")
    expect(bob.locator("#hint")).to_have_text("Tab completes: quiet otter")
    box.press("Tab")
    expect(box).to_have_value("@quiet otter ")
    box.press_sequentially("come")
    box.press("Enter")
    expect(ada.locator("#log .line.mentions .mention")).to_have_text("@quiet otter")
    expect(bob.locator("#log .line.mentions")).to_have_count(0)
    ada.reload()
    expect(ada.locator("#log .line.mentions")).to_have_count(1)
    # Where there is nothing to complete, Tab is the browser's.
    box.press("Tab")
    expect(bob.get_by_role("button", name="Send")).to_be_focused()


def overtaking(page: Page, slow: str, fast: str) -> None:
    """On this page's wire the first frame of one type waits until one of the other has passed it."""
    waiting: list[str | bytes] = []
    passed: list[str] = []

    def hold(wire: WebSocketRoute) -> None:
        server = wire.connect_to_server()

        def pass_on(text: str | bytes) -> None:
            frame = json.loads(text)
            if frame["t"] == slow and not passed:
                waiting.append(text)
                return
            wire.send(text)
            if frame["t"] == fast and frame.get("handle", True):
                passed.append(fast)
                while waiting:
                    wire.send(waiting.pop(0))

        server.on_message(pass_on)

    page.route_web_socket("**/chat/**", hold)


def test_a_name_that_overtakes_the_welcome(somebody: Somebody) -> None:
    """The welcome was read before somebody took a name and comes after they were told of by it."""
    room = a_room()
    ada, bob = enter(somebody(), room), somebody()
    overtaking(bob, "welcome", "person")
    bob.goto(room)
    expect(ada.locator("#count")).to_have_text("2")
    say(ada, "hi", handle="quiet otter")
    expect_bodies(bob, "hi")
    bob.locator("#people > summary").click()
    expect(bob.locator("#roster .handle")).to_have_text(["quiet otter"])
    expect(bob.locator("#log .notice")).to_have_count(0)


def test_a_deletion_that_overtakes_its_message(somebody: Somebody) -> None:
    room = a_room()
    ada, bob = enter(somebody(), room), somebody()
    overtaking(bob, "msg", "deleted")
    enter(bob, room)
    say(ada, "a slip", handle="ada")
    expect_bodies(ada, "a slip")
    ada.locator("#log .line").hover()
    ada.get_by_role("button", name="Delete", exact=True).click()
    expect(bob.locator("#log .line .said")).to_have_text("This message was deleted.")
    expect(bob.locator("#log .handle")).to_have_count(0)


def test_a_draft_is_the_rooms_and_the_last_text_comes_back(somebody: Somebody) -> None:
    one, other = a_room(), a_room()
    page = enter(somebody(), one)
    box = page.get_by_label("Message", exact=True)
    box.fill("half a thou")
    enter(page, other)
    expect(box).to_have_value("")
    enter(page, one)
    expect(box).to_have_value("half a thou")
    say(page, "a thought")
    expect_bodies(page, "a thought")
    box.press("ArrowUp")
    expect(box).to_have_value("a thought")
    box.fill("")
    page.reload()
    expect(box).to_have_value("")


def test_the_link_is_copied(somebody: Somebody) -> None:
    page = somebody(permissions=["clipboard-read", "clipboard-write"])
    enter(page, a_room())
    for button in (page.locator("#share"), page.locator("#copy")):
        button.click()
        expect(button).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    expect(page.get_by_text("This room is empty")).to_be_visible()
    expect(page.get_by_text("A short name is easy to guess")).to_have_count(0)
    enter(page, f"/chat/t{uuid.uuid4().hex[:5]}/")
    expect(page.get_by_text("A short name is easy to guess")).to_be_visible()


def test_who_holds_the_keys(somebody: Somebody) -> None:
    room = a_room()
    ada, bob = enter(somebody(), room), enter(somebody(), room)
    say(bob, "spam", handle="bob")
    expect_bodies(ada, "spam")
    expect(bob.locator("#keys")).to_be_hidden()
    ada.locator("#log .line").hover()
    ada.get_by_role("button", name="Delete", exact=True).click()
    for page in (ada, bob):
        expect(page.locator("#log .line.gone .said")).to_have_text("This message was deleted.")
    menu(ada)
    ada.get_by_label("Topic").fill("Tea on Saturday")
    ada.get_by_role("button", name="Set").click()
    expect(bob.locator("#topic")).to_have_text("Tea on Saturday")
    ada.get_by_role("button", name="Lock: only you can write").click()
    expect(bob.locator("#locked")).to_be_visible()
    say(bob, "more spam")
    expect(bob.locator("#pending").get_by_role("alert")).to_contain_text("Not sent.")
    bob.locator("#pending").get_by_role("button", name="Discard").click()
    ada.get_by_role("button", name="Unlock: everybody can write").click()
    expect(bob.locator("#locked")).to_be_hidden()
    ada.locator("#people > summary").click()
    ada.get_by_role("button", name="Mute bob").click()
    expect(ada.get_by_role("button", name="Let bob speak")).to_be_visible()
    say(bob, "yet more")
    expect(bob.locator("#pending").get_by_role("alert")).to_contain_text("Not sent.")
    assert bodies(ada) == ["This message was deleted."]


def test_the_owners_link_and_the_end_of_a_room(somebody: Somebody) -> None:
    room = a_room()
    ada, again = enter(somebody(), room), somebody()
    say(ada, "mine")
    expect_bodies(ada, "mine")
    menu(ada)
    link = ada.locator("#owner-link")
    expect(link).to_have_attribute("href", re.compile(r"/keys/[0-9a-f]{32}/$"))
    again.goto(link.get_attribute("href") or "")
    again.get_by_role("button", name="Take the keys").click()
    expect(again.get_by_role("status")).to_have_text("Connected")
    menu(again)
    again.get_by_text("Delete this room…").click()
    again.get_by_role("button", name="Delete it for good").click()
    expect(again.get_by_role("link", name="Create new chat room")).to_be_visible()
    expect(ada.get_by_role("status")).to_contain_text("This room was deleted.")
