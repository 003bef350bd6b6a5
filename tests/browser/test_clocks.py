"""Clocks that are wrong or are set, and days that come while nobody looks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.acts import a_room, bodies, enter, expect_bodies, say
from tests.browser.conftest import Somebody
from tests.site import Site

pytestmark = [pytest.mark.chromium, pytest.mark.redis, pytest.mark.timeout(300)]


@pytest.mark.parametrize("hours", [-1, 1, 30])
def test_a_clock_that_is_wrong(somebody: Somebody, site: Site, hours: int) -> None:
    """Times are the server's; how old something is, is told by one clock."""
    room = a_room()
    page, other = somebody(), enter(somebody(), room)
    page.clock.install(time=datetime.now(UTC) + timedelta(hours=hours))
    enter(page, room)
    say(page, "one", handle="ada")
    expect_bodies(other, "one")
    site.interface.kill()
    expect(page.get_by_role("status")).to_contain_text("Reconnecting…")
    say(page, "two")
    site.interface.start()
    for each in (page, other):
        expect_bodies(each, "one", "two")
    times = "rows => rows.map((row) => row.querySelector('time').dateTime)"
    assert page.locator("#log .line").evaluate_all(times) == other.locator("#log .line").evaluate_all(times)


def test_a_clock_that_is_set_while_text_waits(somebody: Somebody, site: Site) -> None:
    """Put back by an hour it is sent, put forward by one it asks; either way it is there, in its order."""
    page = somebody()
    page.clock.install()
    enter(page, a_room())
    for turn, hours in (("back", -1), ("forward", 2)):
        site.interface.kill()
        expect(page.get_by_role("status")).to_contain_text("Reconnecting…")
        say(page, f"{turn} one")
        page.clock.set_system_time(datetime.now(UTC) + timedelta(hours=hours))
        say(page, f"{turn} two")
        site.interface.start()
        if turn == "forward":
            page.locator("#pending").get_by_role("button", name="Send").click()
        expect(page.locator("#pending .line")).to_have_count(0)
    assert sorted(bodies(page)) == ["back one", "back two", "forward one", "forward two"]
    assert bodies(page)[:2] == ["back one", "back two"]


def test_a_day_that_came_while_the_computer_slept(somebody: Somebody) -> None:
    page = somebody(timezone_id="UTC")
    page.clock.install()
    enter(page, a_room())
    say(page, "one", handle="ada")
    expect_bodies(page, "one")
    # By the server's clock, which may be about to begin another day.
    said = datetime.fromisoformat(page.locator("#log .line time").get_attribute("datetime") or "")
    for days, name in enumerate(("Today", "Yesterday")):
        # No timer ran meanwhile.
        page.clock.set_system_time(said.replace(hour=12) + timedelta(days=days))
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.locator("#log .day")).to_have_text(name)
