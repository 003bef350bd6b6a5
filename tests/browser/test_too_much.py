"""What is said and opened too fast: it waits, with the time it takes, and nothing that was typed is gone."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.acts import a_room, enter, expect_bodies, say
from tests.browser.conftest import Somebody
from tests.site import Site, running_site

pytestmark = [pytest.mark.chromium, pytest.mark.redis, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Here limits are on, and narrow enough to be seen: a machine that is busy may need seconds for three messages."""
    limits = {"LIMITS": "on", "LIMIT_MESSAGES": "3, 3/m", "LIMIT_NEW_ROOMS": "2/h"}
    with running_site(tmp_path_factory.mktemp("strict"), workers=1, **limits) as site:
        # In rooms that are there already: one of the tests uses up how many may be opened newly.
        rooms = "from chat.models import Room; [Room.objects.create(label=label) for label in ('tea', 'lobby')]"
        site.manage("shell", "-v", "0", "-c", rooms)
        yield site


def test_what_is_said_too_fast_is_sent_when_it_may_be(somebody: Somebody) -> None:
    page = enter(somebody(), "/chat/tea/")
    for n in range(4):
        say(page, f"line {n}")
    # Those before it may still be on their way.
    expect(page.locator("#pending .note").last).to_have_text(re.compile(r"Slow down: sent in \d+ seconds?\."))
    expect(page.locator("#hint")).to_have_text(re.compile(r"Wait \d+ seconds?\."))
    say(page, "not yet")
    expect(page.get_by_label("Message", exact=True)).to_have_value("not yet")
    expect(page.get_by_role("button", name="Send")).to_have_attribute("aria-disabled", "true")
    expect(page.get_by_role("alert")).to_have_text("")
    expect_bodies(page, *(f"line {n}" for n in range(4)))
    expect(page.locator("#hint")).to_have_text("")
    expect(page.get_by_label("Message", exact=True)).to_have_value("not yet")


def test_a_page_without_scripts_keeps_the_text_too(somebody: Somebody) -> None:
    page = somebody(java_script_enabled=False)
    page.goto("/chat/lobby/")
    for n in range(4):
        page.get_by_label("Message", exact=True).fill(f"line {n}")
        page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_have_text(re.compile(r"Slow down: wait \d+ seconds?\."))
    expect(page.get_by_label("Message", exact=True)).to_have_value("line 3")


def test_too_many_new_rooms(somebody: Somebody) -> None:
    """The page of a room that is not there yet opens; its socket is told to wait."""
    page = somebody()
    for _ in range(2):
        enter(page, a_room())
    page.goto(a_room())
    expect(page.get_by_role("status")).to_have_text(
        re.compile(r"Too many rooms were opened from your network\. Trying again in \d+ s\.")
    )
