"""Reading: what is written in a message, where one is in the conversation, and what was before."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.acts import a_room, bodies, enter, expect_bodies, menu, say, scroll
from tests.browser.conftest import Somebody
from tests.browser.tour import where_it_is_ten

pytestmark = [pytest.mark.chromium, pytest.mark.redis, pytest.mark.timeout(300)]


def top_of(page: Page, body: str) -> float:
    box = page.get_by_text(body, exact=True).bounding_box()
    assert box is not None
    return box["y"]


def test_links_code_and_white_space_live_and_after_a_reload(somebody: Somebody) -> None:
    page = enter(somebody(), a_room())
    text = "see https://example.com/a_(b), `x  = 1` and\n```sh\n  ls  -l\n```\n  two   spaces"
    say(page, text)
    for _again in ("live", "served"):
        line = page.locator("#log .line").first
        link = line.get_by_role("link", name="https://example.com/a_(b)", exact=True)
        expect(link).to_have_attribute("href", "https://example.com/a_(b)")
        expect(link).to_have_attribute("rel", "nofollow ugc noopener noreferrer")
        expect(line.locator(":not(pre) > code")).to_have_text("x  = 1")
        assert line.locator("pre").inner_text() == "  ls  -l"
        assert "  two   spaces" in line.locator(".said").inner_text()
        page.reload()


def test_each_message_runs_in_its_own_direction(somebody: Somebody) -> None:
    page = enter(somebody(), a_room())
    for body in ("مرحبا يا abc", "abc مرحبا", "```\nمرحبا = 1\n```"):
        say(page, body, handle="سارة")
    expect(page.locator("#log .line")).to_have_count(3)
    for _again in ("live", "served"):
        directions = page.locator("#log .said").evaluate_all("rows => rows.map((row) => row.matches(':dir(rtl)'))")
        assert directions == [True, False, True]
        assert page.locator("#log pre").evaluate("each => getComputedStyle(each).direction") == "ltr"
        # Neither turns around what stands beside it: the name is before the time in all of them.
        names, times = (page.locator(f"#log {which}").first.bounding_box() for which in (".handle", ".at"))
        assert names is not None and times is not None and names["x"] < times["x"]
        page.reload()


def test_who_is_nearly_at_the_end_stays_there_and_who_speaks_comes_back(somebody: Somebody) -> None:
    room = a_room()
    reader = enter(somebody(viewport={"width": 700, "height": 500}), room)
    writer = enter(somebody(), room)
    for n in range(30):
        say(writer, f"m{n}")
    expect(reader.locator("#log .line")).to_have_count(30)
    end = "each.scrollHeight - each.clientHeight"
    scroll(reader, f"{end} - 25")
    say(writer, "seen")
    expect(reader.get_by_text("seen", exact=True)).to_be_in_viewport()
    scroll(reader, f"{end} - 60")
    say(writer, "below")
    expect(reader.locator("#pill")).to_have_text("1 new message ↓")
    expect(reader.get_by_text("below", exact=True)).not_to_be_in_viewport()
    say(reader, "my own")
    expect(reader.get_by_text("my own", exact=True)).to_be_in_viewport()
    expect(reader.locator("#pill")).to_be_hidden()


def test_a_conversation_is_taken_along(somebody: Somebody) -> None:
    page = enter(somebody(), a_room())
    say(page, "dear <b>text</b>", handle="ada")
    expect_bodies(page, "dear <b>text</b>")
    for name in ("Text", "JSON"):
        menu(page)
        with page.expect_download() as download:
            page.get_by_role("link", name=name, exact=True).click()
        assert "dear <b>text</b>" in download.value.path().read_text()
        page.keyboard.press("Escape")
    menu(page)
    page.get_by_role("link", name="Page", exact=True).click()
    expect(page.get_by_role("listitem").filter(has_text="dear <b>text</b>")).to_have_count(1)


def test_times_are_the_readers_and_days_are_parted(somebody: Somebody) -> None:
    room = a_room()
    # Two of which neither has its midnight meanwhile.
    here, elsewhere = where_it_is_ten(), where_it_is_ten(in_hours=3)
    writer = enter(somebody(timezone_id=here), room)
    say(writer, "one", handle="ada")
    say(writer, "two")
    say(writer, "three", handle="bob")
    expect_bodies(writer, "one", "two", "three")
    expect(writer.locator("#log .day")).to_have_text("Today")
    writer.reload()
    reader = enter(somebody(timezone_id=elsewhere), room)
    for page in (writer, reader):
        assert page.locator("#log .line.follows .said").all_inner_texts() == ["two"]
        expect(page.locator("#log .day")).to_have_count(1)
    shown = [page.locator("#log time[datetime*=T]").first.inner_text() for page in (writer, reader)]
    assert shown[0] != shown[1] and all(re.fullmatch(r"\d+:\d\d.[AP]M", text) for text in shown)


def test_the_time_of_who_goes_on_stands_beside_the_text(somebody: Somebody) -> None:
    """It shows under the pointer, and covers nothing."""
    page = enter(somebody(), a_room())
    for body in ("one", "two"):
        say(page, body)
    expect_bodies(page, "one", "two")
    row = page.locator("#log .line.follows")
    row.hover()
    time, text = row.locator(".at").bounding_box(), row.locator(".said").bounding_box()
    assert time is not None and text is not None
    assert time["width"] > 30 and time["x"] >= 0 and time["x"] + time["width"] < text["x"]


def test_what_was_before_comes_by_scrolling_and_moves_nothing(somebody: Somebody) -> None:
    room = a_room()
    writer = enter(somebody(), room)
    for n in range(110):
        say(writer, f"m{n}")
    expect(writer.locator("#log .line")).to_have_count(110)
    page = enter(somebody(viewport={"width": 700, "height": 500}), room)
    assert bodies(page)[0] == "m60"
    page.locator("#scroller").evaluate("each => { each.scrollTop = 300 }")
    expect(page.locator("#earlier .line")).to_have_count(50)
    before = top_of(page, "m62")
    page.locator("#older").dispatch_event("click")
    expect(page.locator("#earlier .line")).to_have_count(60)
    assert abs(top_of(page, "m62") - before) < 2
    expect(page.locator("#older")).to_be_hidden()
    expect(page.locator("#invitation")).to_be_attached()
    assert page.locator(".line .said").all_inner_texts() == [f"m{n}" for n in range(110)]
    # It is not in the live region, and nobody was told that it is new.
    expect(page.locator("[role=log] .line")).to_have_count(50)
    assert not page.title().startswith("(")


def test_a_link_to_a_message_leads_to_it(somebody: Somebody) -> None:
    room = a_room()
    writer = enter(somebody(), room)
    for n in range(1, 91):
        say(writer, f"m{n}")
    expect(writer.locator("#log .line")).to_have_count(90)
    page = somebody(viewport={"width": 700, "height": 500})
    enter(page, f"{room}#m12")
    expect(page.get_by_text("m12", exact=True)).to_be_in_viewport()
    expect(page.locator("#m12 .at")).to_have_attribute("href", "#m12")
    # Who came for an old message is not dragged to a new one.
    say(writer, "news")
    expect(page.locator("#pill")).to_have_text("1 new message ↓")
    expect(page.get_by_text("m12", exact=True)).to_be_in_viewport()


def test_the_title_counts_what_was_not_seen(somebody: Somebody) -> None:
    room = a_room()
    reader = enter(somebody(), room)
    writer = enter(somebody(), room)
    title = reader.title()
    # Another page of the same window has the focus.
    reader.evaluate("document.hasFocus = () => false; dispatchEvent(new Event('blur'))")
    for text in ("one", "two", "three"):
        say(writer, text)
    expect(reader).to_have_title(f"(3) {title}")
    expect(reader.locator(".unread + .line .said")).to_have_text("one")
    reader.evaluate("delete document.hasFocus; dispatchEvent(new Event('focus'))")
    expect(reader).to_have_title(title)
