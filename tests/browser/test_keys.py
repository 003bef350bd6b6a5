"""Who holds the keys of a room: what they can do, with whom they share it, and what becomes of a login meanwhile."""

from __future__ import annotations

import re
import uuid

import pytest
from playwright.sync_api import Page, expect

from tests.browser.acts import a_room, ada_and_bob, bodies, enter, expect_bodies, menu, say
from tests.browser.conftest import Somebody

pytestmark = [pytest.mark.chromium, pytest.mark.redis, pytest.mark.timeout(300)]


def take_the_keys(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_role("button", name="Take the keys").click()
    expect(page.get_by_role("status")).to_have_text("Connected")


def owners_link(page: Page) -> str:
    menu(page)
    link = page.locator("#owner-link")
    expect(link).to_have_attribute("href", re.compile(r"/keys/[0-9a-f]{32}/$"))
    page.keyboard.press("Escape")
    return link.get_attribute("href") or ""


def people(page: Page) -> None:
    page.locator("#people > summary").click()


def test_who_holds_the_keys(somebody: Somebody) -> None:
    ada, bob = ada_and_bob(somebody, bob_says="spam")
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
    # The list is made anew when it is known who is muted, and with it the button.
    with ada.expect_response("**/muted"):
        people(ada)
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
    take_the_keys(again, owners_link(ada))
    menu(again)
    again.get_by_text("Delete this room…").click()
    again.get_by_role("button", name="Delete it for good").click()
    expect(again.get_by_role("link", name="Create new chat room")).to_be_visible()
    expect(ada.get_by_role("status")).to_contain_text("This room was deleted.")
    say(ada, "too late")
    expect(ada.get_by_role("alert")).to_contain_text("This room was deleted.")
    expect(ada.get_by_label("Message", exact=True)).to_have_value("too late")


def test_who_is_muted_is_known_to_all_who_hold_the_keys(somebody: Somebody) -> None:
    (ada, bob), eve = ada_and_bob(somebody, bob_says="spam"), somebody()
    take_the_keys(eve, owners_link(ada))
    people(eve)
    expect(eve.get_by_role("button", name="Mute bob")).to_be_visible()
    ada.locator("#log .line").hover()
    ada.get_by_role("button", name="Mute bob").click()
    expect(ada.locator("#log .line").get_by_role("button", name="Let bob speak")).to_be_visible()
    # The other one sees it at once, also after a reload, and can take it back.
    expect(eve.get_by_role("button", name="Let bob speak")).to_be_visible()
    eve.reload()
    people(eve)
    eve.get_by_role("button", name="Let bob speak").click()
    expect(ada.locator("#log .line").get_by_role("button", name="Mute bob")).to_be_visible()
    say(bob, "sorry")
    expect_bodies(ada, "spam", "sorry")
    people(bob)
    expect(bob.locator("#roster button")).to_have_count(0)


def test_an_open_page_goes_on_after_its_browser_logged_in_and_out_elsewhere(somebody: Somebody) -> None:
    """Its socket follows, and so do its forms: a login changes the token without which they are refused."""
    room, name = a_room(), f"ada-{uuid.uuid4().hex[:6]}"
    page, watcher = enter(somebody(), room), enter(somebody(), room)
    say(page, "before")
    expect_bodies(watcher, "before")
    other = page.context.new_page()
    other.goto("/accounts/signup/")
    other.get_by_label("Name").fill(name)
    for label in ("Password", "The password once more"):
        other.get_by_label(label, exact=True).fill("lovelace-1815")
    other.get_by_role("button", name="Sign up").click()
    expect(other.get_by_text(name)).to_be_visible()
    people(page)
    expect(page.locator("#roster .handle[data-user]")).to_have_count(1)
    menu(page)
    page.get_by_role("button", name="Lock: only you can write").click()
    expect(watcher.locator("#locked")).to_be_visible()
    other.get_by_role("button", name="Log out").click()
    expect(other.get_by_role("link", name="Log in")).to_be_visible()
    expect(page.locator("#roster .handle[data-user]")).to_have_count(0)
    page.get_by_text("Delete this room…").click()
    page.get_by_role("button", name="Delete it for good").click()
    expect(page.get_by_role("link", name="Create new chat room")).to_be_visible()


def test_a_form_that_is_out_of_date_says_so_and_keeps_the_text(somebody: Somebody) -> None:
    """Without scripts nothing can renew the token."""
    room, page = a_room(), somebody(java_script_enabled=False)
    page.goto(room)
    page.context.clear_cookies(name="csrftoken")
    page.get_by_label("Message", exact=True).fill("dear text")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was sent or changed.")
    expect(page.get_by_label("What you wrote:")).to_have_value("dear text")
    page.get_by_role("link", name="Load it again").click()
    page.get_by_label("Message", exact=True).fill("dear text")
    page.get_by_role("button", name="Send").click()
    expect_bodies(page, "dear text")
