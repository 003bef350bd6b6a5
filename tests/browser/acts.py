"""What people do on a room's page, and what they see there."""

from __future__ import annotations

import uuid

from playwright.sync_api import Page, expect

from tests.browser.conftest import Somebody


def enter(page: Page, path: str) -> Page:
    """Open a room and be welcomed there: before that the page is connected and does not know who is here."""
    page.goto(path)
    expect(page.get_by_role("status")).to_have_text("Connected")
    # The welcome shows this choice, in the closed menu.
    expect(page.locator("#typing-choice")).not_to_have_attribute("hidden", "")
    return page


def a_room() -> str:
    return f"/chat/test-{uuid.uuid4().hex[:12]}/"


def say(page: Page, body: str, *, handle: str | None = None) -> None:
    if handle is not None:
        page.get_by_label("You are").fill(handle)
    page.get_by_label("Message", exact=True).fill(body)
    page.get_by_label("Message", exact=True).press("Enter")


def ada_and_bob(somebody: Somebody, *, bob_says: str) -> tuple[Page, Page]:
    """Two in a new room. Ada was there first, so she holds its keys; Bob goes by that name."""
    room = a_room()
    ada, bob = enter(somebody(), room), enter(somebody(), room)
    say(bob, bob_says, handle="bob")
    expect_bodies(ada, bob_says)
    return ada, bob


def menu(page: Page) -> None:
    page.get_by_label("Menu", exact=True).click()


def bodies(page: Page) -> list[str]:
    return page.locator("#log .line .said").all_inner_texts()


def expect_bodies(page: Page, *expected: str) -> None:
    expect(page.locator("#log .line .said")).to_have_text(list(expected), use_inner_text=True)
    expect(page.locator("#pending .line")).to_have_count(0)
