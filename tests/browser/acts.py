"""What people do on a room's page, and what they see there."""

from __future__ import annotations

import uuid
from datetime import datetime

from playwright.sync_api import Page, expect

from switchboard.testing.waiting import wait_until
from tests.browser.conftest import Somebody

#: On the clocks of pages that a test moves.
NOON, LATER = datetime(2026, 2, 20, 12), datetime(2026, 2, 20, 13)


def enter(page: Page, path: str) -> Page:
    """Open a room and be welcomed there: before that the page is connected and does not know who is here."""
    page.goto(path)
    return welcomed(page)


def welcomed(page: Page) -> Page:
    """The page, which was just opened, when it is in its room."""
    expect(page.get_by_role("status")).to_have_text("Connected")
    # The welcome shows this choice, in the closed menu.
    expect(page.locator("#typing-choice")).not_to_have_attribute("hidden", "")
    return page


def enter_and_stand_still(page: Page, path: str) -> Page:
    """``enter``; from then on nothing happens on the page because time went by, until the test moves its clock."""
    page.clock.install(time=NOON)
    enter(page, path)
    page.clock.pause_at(LATER)
    return page


def let_pass(page: Page, seconds: int) -> None:
    """So much time goes by at once on a page that has a clock of its own and is ``WATCHED``. Its pings are answered
    before: one that gets no time to be looks like a connection that is gone."""
    count = "(frames, type) => frames.filter(({ t }) => t === type).length"
    wait_until(lambda: page.evaluate(f"((count) => count(sent, 'ping') === count(heard, 'pong'))({count})"))
    page.clock.fast_forward(seconds * 1_000)


def scroll(page: Page, top: str) -> float:
    """Scroll the conversation to ``top``, an expression of ``each``, its element; where it is. The page knows it then.

    A page goes to an end that moved, and hears that it was scrolled, in the next frame. A message may be faster.
    """
    moved: float = page.locator("#scroller").evaluate(
        f"""async (each) => {{
              const frame = () => new Promise(requestAnimationFrame);
              await frame();
              await frame();
              const heard = new Promise((told) => each.addEventListener("scroll", told, {{ once: true }}));
              each.scrollTop = {top};
              await heard;
              return each.scrollTop;
            }}"""
    )
    return moved


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
