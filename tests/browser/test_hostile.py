"""What people do to a page without meaning it: too much, twice, with a full disk, a wrong clock, a name that fills the
screen. Nothing breaks, and nothing that was typed is gone."""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Dialog, Page, WebSocketRoute, expect

from switchboard.testing.waiting import wait_until
from tests.browser.conftest import WATCHED, Somebody
from tests.browser.test_room import a_room, ada_and_bob, bodies, enter, expect_bodies, menu, say
from tests.site import Site

pytestmark = [pytest.mark.chromium, pytest.mark.redis, pytest.mark.timeout(120)]

FAMILY = "👩‍👩‍👧‍👦"


@pytest.fixture(autouse=True)
def _interface_runs(site: Site) -> None:
    if not site.interface.running:
        site.interface.start()


def sticking_out(page: Page) -> list[str]:
    """What reaches over an edge of the page, or makes the conversation scroll sideways."""
    return page.evaluate(  # type: ignore[no-any-return]
        """() => {
             const parts = ".handle, .at, .seal, .notice, .hint, .who, input, textarea, button, summary, .leaf";
             const out = [...document.querySelectorAll(parts)].filter((each) => {
               const { left, right } = each.getBoundingClientRect();
               return each.checkVisibility() && (left < -0.5 || right > innerWidth + 0.5);
             });
             const wide = [document.getElementById("scroller"), document.documentElement];
             const all = [...out, ...wide.filter((each) => each.scrollWidth > each.clientWidth)];
             return all.map((each) => each.outerHTML.slice(0, 200));
           }"""
    )


# -- twice


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


# -- too much


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
    pasted = "0123456789\n" * 9_000 + "🍵" * 1_000
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
    expect(page.locator("#m12 .said")).to_be_in_viewport()
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


# -- a browser that cannot keep it


def asked_on_leaving(page: Page) -> bool:
    """Whether a browser would ask if one really wants to leave; it stays."""
    return page.evaluate(  # type: ignore[no-any-return]
        "() => !dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    )


FULL = """() => {
    for (let size = 1 << 20; size >= 1; size >>= 1) {
      try {
        for (let n = 0; ; n += 1) localStorage.setItem(`full ${size} ${n}`, "x".repeat(size));
      } catch {}
    }
}"""


def test_a_storage_that_is_full(somebody: Somebody, site: Site) -> None:
    """What cannot be kept is sent all the same, and the browser asks before it is lost."""
    room = a_room()
    page = enter(somebody(), room)
    say(page, "before", handle="ada")
    expect_bodies(page, "before")
    page.evaluate(FULL)
    box = page.get_by_label("Message", exact=True)
    box.fill("a long thought")
    assert asked_on_leaving(page)
    box.fill("")
    assert not asked_on_leaving(page)
    page.get_by_label("You are").fill("countess")
    say(page, "with a full disk")
    expect_bodies(page, "before", "with a full disk")
    expect(page.locator("#log .handle").last).to_have_text("countess")
    assert not asked_on_leaving(page)
    site.interface.kill()
    expect(page.get_by_role("status")).to_contain_text("Reconnecting…")
    say(page, "in the dark")
    expect(page.locator("#pending .line")).to_have_count(1)
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.close(run_before_unload=True)
    wait_until(lambda: bool(page.evaluate("1")) and asked == ["beforeunload"])
    site.interface.start()
    expect_bodies(page, "before", "with a full disk", "in the dark")
    assert not asked_on_leaving(page)


REFUSE = "() { throw new DOMException('no', 'NotAllowedError') }"
DENIED = {
    "no storage": f"Object.defineProperty(window, 'localStorage', {{ get{REFUSE} }})",
    "a storage that takes nothing": f"Object.assign(Storage.prototype, {{ setItem{REFUSE} }})",
}


@pytest.mark.parametrize("how", DENIED)
def test_a_browser_that_keeps_nothing(somebody: Somebody, site: Site, how: str) -> None:
    page = somebody()
    page.add_init_script(DENIED[how])
    enter(page, a_room())
    say(page, "hi", handle="ada")
    expect_bodies(page, "hi")
    menu(page)
    page.get_by_text("Dark", exact=True).click()
    page.get_by_label("Show when somebody types, and when I do").uncheck()
    page.keyboard.press("Escape")
    site.interface.kill()
    expect(page.get_by_role("status")).to_contain_text("Reconnecting…")
    say(page, "in the dark")
    assert asked_on_leaving(page)
    site.interface.start()
    expect_bodies(page, "hi", "in the dark")
    assert not asked_on_leaving(page)
    expect(page.locator("#log .handle").last).to_have_text("ada")


def test_a_browser_that_keeps_what_is_typed_does_not_ask(somebody: Somebody, site: Site) -> None:
    page = enter(somebody(), a_room())
    site.interface.kill()
    expect(page.get_by_role("status")).to_contain_text("Reconnecting…")
    say(page, "in the dark")
    page.get_by_label("Message", exact=True).fill("and more")
    assert not asked_on_leaving(page)
    site.interface.start()
    expect_bodies(page, "in the dark")


# -- tabs, and the way back


def test_two_tabs_do_not_take_each_others_drafts(somebody: Somebody) -> None:
    room = a_room()
    left = enter(somebody(), room)
    right = enter(left.context.new_page(), room)
    left.get_by_label("Message", exact=True).fill("half a thought")
    right.get_by_label("Message", exact=True).fill("a whole one")
    right.get_by_label("Message", exact=True).press("Enter")
    expect_bodies(left, "a whole one")
    expect(left.get_by_label("Message", exact=True)).to_have_value("half a thought")
    left.goto("/")
    enter(left, room)
    expect(left.get_by_label("Message", exact=True)).to_have_value("half a thought")


def test_away_and_back(somebody: Somebody) -> None:
    """By the browser's own buttons. What was said meanwhile is there, and what was being written."""
    room = a_room()
    page, other = enter(somebody(), room), enter(somebody(), room)
    say(page, "one", handle="ada")
    expect_bodies(other, "one")
    page.get_by_label("Message", exact=True).fill("half a thought")
    page.goto("/")
    say(other, "two", handle="bob")
    expect_bodies(other, "one", "two")
    page.go_back()
    expect(page.get_by_role("status")).to_have_text("Connected")
    expect_bodies(page, "one", "two")
    expect(page.get_by_label("Message", exact=True)).to_have_value("half a thought")
    page.get_by_label("Message", exact=True).press("Enter")
    expect_bodies(other, "one", "two", "half a thought")
    page.go_forward()
    expect(page.get_by_role("link", name="Create new chat room")).to_be_visible()
    page.go_back()
    expect_bodies(page, "one", "two", "half a thought")
    expect(page.get_by_label("Message", exact=True)).to_have_value("")


# -- networks


#: The first socket never opens, as in a network that swallows everything.
HANGING = """
    window.WebSocket = class extends WebSocket {
      constructor(...how) {
        if (!window.hung) return window.hung = { readyState: 0, close() {} };
        super(...how);
      }
    };
"""


def test_a_connection_that_hangs_from_the_beginning(somebody: Somebody) -> None:
    page = somebody()
    page.add_init_script(HANGING)
    page.goto(a_room())
    say(page, "is anybody there?")
    expect(page.get_by_role("status")).to_contain_text("You can keep typing")
    page.get_by_role("button", name="Try now").click()
    expect(page.get_by_role("status")).to_have_text("Back online")
    expect_bodies(page, "is anybody there?")


@pytest.mark.parametrize("trigger", ["online", "pageshow", "visibilitychange"])
def test_a_connection_that_only_looks_open_is_found_out_after_a_sleep(somebody: Somebody, trigger: str) -> None:
    page, asleep = somebody(), list[bool]()
    page.add_init_script(WATCHED)
    wires: list[WebSocketRoute] = []

    def pass_on(wire: WebSocketRoute) -> None:
        server, first = wire.connect_to_server(), not wires
        wires.append(wire)
        server.on_message(lambda text: None if first and asleep else wire.send(text))
        wire.on_message(lambda text: None if first and asleep else server.send(text))

    page.route_web_socket("**/chat/**", pass_on)
    page.clock.install()
    enter(page, a_room())
    event = f"(document.on{trigger} === undefined ? window : document).dispatchEvent(new Event('{trigger}'))"
    page.evaluate(event)
    wait_until(lambda: page.evaluate("heard.some(({ t }) => t === 'pong')"))
    page.clock.fast_forward(8_000)
    say(page, "still here")
    expect_bodies(page, "still here")
    assert len(wires) == 1
    asleep.append(True)
    page.evaluate(event)
    page.clock.fast_forward(6_000)
    page.clock.fast_forward(3_000)
    wait_until(lambda: len(wires) > 1)
    say(page, "awake")
    expect_bodies(page, "still here", "awake")


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


def test_a_link_that_cannot_be_copied(somebody: Somebody) -> None:
    page = somebody()
    page.add_init_script(f"Object.assign(navigator.clipboard, {{ async writeText{REFUSE} }})")
    enter(page, a_room())
    page.locator("#copy").click()
    expect(page.locator("#copy")).to_have_text("That did not work. Try again.")
    expect(page.get_by_role("link", name=page.url)).to_be_visible()
    expect(page.locator("#copy")).to_have_text("Copy link")


# -- clocks


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
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    page.clock.install(time=noon)
    enter(page, a_room())
    say(page, "one", handle="ada")
    expect(page.locator("#log .day")).to_have_text("Today")
    # No timer ran meanwhile.
    page.clock.set_system_time(noon + timedelta(days=1))
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#log .day")).to_have_text("Yesterday")


# -- what others send


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
