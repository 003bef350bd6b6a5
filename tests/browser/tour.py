"""All pages, and a room in all its states, one after the other, for what has to hold in each of them.

Nothing here is found by its words, so that it goes through any language. Who reads a page by touch has no pointer that
hovers: rows are clicked.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urljoin

from playwright.sync_api import Page, expect

#: For a page's `add_init_script`: from `dark` on no socket opens, as in a tunnel; `wire` is the one that is open.
TUNNEL = """
    window.WebSocket = class extends WebSocket {
      constructor(...how) {
        if (window.dark) return { readyState: 0, close() {} };
        super(...how);
        window.wire = this;
      }
    };
"""
#: What is answered by a page with a reason.
REFUSED = (
    "/chat/nobody-was-here/transcript.txt",
    "/chat/nobody-was-here/transcript.html",
    f"/chat/nobody-was-here/keys/{'0' * 32}/",
)
PATHS = ("/", "/chat/?room=new", "/accounts/login/", "/accounts/signup/", "/nowhere", *REFUSED)

#: What is wide, what cannot be broken, what goes the other way, and much of it.
SAID = (
    "안녕하세요, @하린 `1234`",
    "https://tea.example/" + "very-long-path-" * 8,
    "```\n" + "0123456789" * 12 + "\n```",
    "W" * 90,
    "السبت مناسب لي أيضا، الساعة الثالثة؟",
    *("\n".join("12345") for _ in range(14)),
    "1234567890 " * 12,
)


def where_it_is_ten(in_hours: int = 0) -> str:
    """A time zone whose clocks show ten now, in the morning or in the evening: such a time takes most room. Else what
    is laid out would depend on when it is looked at. Or one where it will be ten in so many hours, up to five."""
    hour = datetime.now(UTC).hour
    # "Etc/GMT-3" is three hours ahead of UTC, and they go from -14 to +12.
    return f"Etc/GMT{(hour - 22 if hour >= 8 else hour - 10) + in_hours:+d}"


def arrive(page: Page, path: str) -> None:
    """Into a room, until its welcome."""
    page.goto(path)
    expect(page.locator("#status")).to_have_attribute("data-state", "open")
    expect(page.locator("#typing-choice")).not_to_have_attribute("hidden", "")


def write(page: Page, body: str) -> None:
    page.locator("#body").fill(body)
    # A button that is said to be disabled, as it is beside what is too long, is not clicked from here.
    page.locator("#body").press("Enter")


def talk(page: Page) -> None:
    for count, body in enumerate(SAID, 1):
        write(page, body)
        expect(page.locator("#log .line")).to_have_count(count)
    expect(page.locator("#pending .line")).to_have_count(0)


def tour(page: Page, handle: str = "하린") -> Iterator[str]:
    """The name of each state, when the page is in it. The page needs ``TUNNEL``."""
    for path in PATHS:
        page.goto(path)
        yield path
    page.goto("/accounts/login/")
    page.locator("#id_username").fill("nobody")
    page.locator("#id_password").fill("nothing")
    page.locator("main form button").click()
    expect(page.get_by_role("alert")).to_be_visible()
    # It is there before the styles are.
    page.wait_for_load_state()
    yield "a login that failed"
    yield from _room(page, handle)


def _room(page: Page, handle: str) -> Iterator[str]:
    menu, people, log = page.locator("#menu > summary"), page.locator("#people > summary"), page.locator("#log")
    # A short name, so that there is a word about it.
    arrive(page, f"/chat/{uuid.uuid4().int % 10**11}/")
    yield "an empty room"
    page.locator("#handle").fill(handle)
    talk(page)
    yield "a busy room"
    menu.click()
    page.locator("#topic-text").fill("1234567890 " * 12)
    page.locator("form[action=topic] button").click()
    expect(page.locator("#topic")).to_be_visible()
    page.locator("form[action=lock] button").first.click()
    expect(page.locator("#locked")).to_be_visible()
    page.locator("#keys details > summary").click()
    expect(page.locator("#owner-link")).to_have_attribute("href", re.compile("/keys/"))
    yield "the menu"
    keys = page.locator("#owner-link").get_attribute("href") or ""
    people.click()
    expect(page.locator("#roster li").first).to_be_visible()
    yield "who is here"
    page.keyboard.press("Escape")
    row = log.locator(".line").nth(len(SAID) - 2)
    row.locator(".said").click()
    expect(row.locator(".tools")).to_be_visible()
    yield "the tools of a message"
    row.locator(".tools button").first.click()
    expect(log.locator(".line.gone")).to_be_visible()
    yield "a message that was deleted"
    page.locator("#body").fill("x" * 1_900)
    yield "nearly too long"
    write(page, "x" * 2_001)
    expect(page.locator("#fault")).not_to_be_empty()
    yield "too long"
    page.locator("#handle").fill("가" * 33)
    write(page, "1234567890 " * 12)
    expect(page.locator("#pending [role=alert]")).to_be_visible()
    yield "a message that was refused"
    page.locator("#pending button").last.click()
    page.locator("#handle").fill(handle)
    page.locator("#scroller").evaluate("each => { each.scrollTop = 0 }")
    expect(page.locator("#pill")).to_be_visible()
    yield "far from the end"
    page.locator("#pill").click()
    expect(page.locator("#pill")).to_be_hidden()
    page.evaluate("window.dark = true; wire.close()")
    expect(page.locator("#try-now")).to_be_visible()
    write(page, "1234567890 " * 12)
    expect(page.locator("#pending .note")).to_be_visible()
    yield "without a network"
    for path in (keys, "transcript.html"):
        page.goto(urljoin(page.url, path))
        yield path
