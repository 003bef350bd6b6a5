"""Rooms with thousands of messages: what a page shows of them, lets go of, and finds again."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.acts import a_room, enter, say
from tests.browser.conftest import Somebody
from tests.site import Site

pytestmark = [pytest.mark.chromium, pytest.mark.redis, pytest.mark.timeout(300)]


def filled(site: Site, room: str, count: int) -> None:
    """As if so much had been said there."""
    label = room.split("/")[2]
    site.manage(
        "shell",
        "-v",
        "0",
        "-c",
        "from django.utils import timezone; from chat.models import Message, Room; "
        f"room = Room.objects.create(label='{label}', last_seq={count}); now = timezone.now(); "
        "Message.objects.bulk_create((Message(room=room, seq=n, handle=f'name {n % 300}', message=f'm{n}', "
        "identity=f'f:{n}', timestamp=now) "
        f"for n in range(1, {count} + 1)), batch_size=500)",
    )


def test_a_room_with_ten_thousand_messages(somebody: Somebody, site: Site) -> None:
    """A link leads to one of the oldest; what is said then is shown as ever."""
    room = a_room()
    filled(site, room, 10_000)
    page, other = somebody(), enter(somebody(), room)
    expect(other.locator(".line")).to_have_count(50)
    enter(page, f"{room}#m12")
    # Fifty requests one after the other, and then all of it laid out at once: five seconds alone, a minute in a crowd.
    expect(page.locator("#m12 .said")).to_be_in_viewport(timeout=180_000)
    expect(page.locator("#earlier .line")).to_have_count(9_950)
    assert page.locator("#earlier .line").first.get_attribute("id") == "m1"
    say(other, "the latest", handle="ada")
    expect(page.locator("#pill")).to_have_text("1 new message ↓")
    expect(page.locator("#m12 .said")).to_be_in_viewport()
    page.locator("#pill").click()
    expect(page.get_by_text("the latest", exact=True)).to_be_in_viewport()
    say(page, "mine", handle="bob")
    expect(other.get_by_text("mine", exact=True)).to_be_in_viewport()


def test_a_page_that_is_open_for_days_lets_go_of_the_oldest(somebody: Somebody, site: Site) -> None:
    """Not while somebody reads them; and they can be loaded again."""
    room = a_room()
    filled(site, room, 2_100)
    page, other = enter(somebody(), f"{room}#m1"), enter(somebody(), room)
    expect(page.locator(".line")).to_have_count(2_100)
    say(other, "one more", handle="ada")
    expect(page.locator("#log .line").last).to_contain_text("one more")
    expect(page.locator(".line")).to_have_count(2_101)
    page.locator("#pill").click()
    say(other, "and another", handle="ada")
    expect(page.locator(".line")).to_have_count(1_000)
    expect(page.get_by_text("and another", exact=True)).to_be_in_viewport()
    expect(page.locator("#invitation")).to_be_hidden()
    first = page.locator(".line").first
    expect(first).to_have_attribute("id", "m1103")
    assert first.evaluate("each => each.previousElementSibling.classList.contains('day')")
    page.locator("#scroller").evaluate("each => { each.scrollTop = 100 }")
    expect(page.locator("#m1053")).to_be_attached()
    numbers = page.locator(".line").evaluate_all("rows => rows.map((row) => Number(row.dataset.seq))")
    assert numbers == list(range(numbers[0], 2_103))
    expect(page.locator(".day")).to_have_count(1)


def test_a_link_to_a_message_that_is_not_there_says_so(somebody: Somebody, site: Site) -> None:
    room = a_room()
    filled(site, room, 120)
    page = enter(somebody(), f"{room}#m999")
    expect(page.locator("#log .notice")).to_have_text("The message that this link leads to is not here.")
    expect(page.get_by_text("m120", exact=True)).to_be_in_viewport()
    page.evaluate("location.hash = '#m3'")
    expect(page.get_by_text("m3", exact=True)).to_be_in_viewport()
    expect(page.locator("#log .notice")).to_have_count(1)


def test_older_messages_that_do_not_come_can_be_asked_for_again(somebody: Somebody, site: Site) -> None:
    room = a_room()
    filled(site, room, 120)
    page = enter(somebody(), room)
    page.route("**/api/rooms/**", lambda route: route.abort("connectionrefused"))
    page.locator("#scroller").evaluate("each => { each.scrollTop = 0 }")
    older = page.get_by_role("button", name="That did not work. Try again.")
    expect(older).to_be_visible()
    older.click()
    expect(older).to_be_visible()
    page.unroute("**/api/rooms/**")
    older.click()
    expect(page.locator("#earlier .line")).to_have_count(50)
    expect(page.get_by_role("button", name="Older messages")).to_be_attached()
    assert "before" not in page.url
