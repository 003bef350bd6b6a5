"""What has to hold for whoever chats, in real browsers against real processes: thirteen checks, by their numbers.

Some are elsewhere: 6, what is too long, in `test_room`; the other half of 8, that nothing starts with
`ALLOWED_HOSTS=*`, in `tests/unit/test_environment`; axe, of 11, in `test_access`.
"""

from __future__ import annotations

import json
import re
import uuid

import httpx
import psutil
import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from switchboard.testing.waiting import wait_until
from tests.browser.acts import a_room, bodies, enter, enter_and_stand_still, expect_bodies, say, scroll
from tests.browser.conftest import WATCHED, Somebody
from tests.site import Site

pytestmark = [pytest.mark.chromium, pytest.mark.redis, pytest.mark.timeout(300)]


def here(page: Page, count: int) -> None:
    expect(page.locator("#count")).to_have_text(str(count))


def test_the_server_is_killed_while_people_type(somebody: Somebody, site: Site) -> None:
    """1. Every text is there once, in order, in both browsers."""
    room = a_room()
    ada, bob = enter(somebody(), room), enter(somebody(), room)
    said = [f"line {n}" for n in range(5)]
    for n, text in enumerate(said):
        say(ada, text)
        if n == 1:
            for process in (site.interface, *site.workers):
                process.kill()
    for process in (site.interface, *site.workers):
        process.start()
    for page in (ada, bob):
        expect_bodies(page, *said)


def test_a_lost_group_event_is_repaired(somebody: Somebody) -> None:
    """2. Within two seconds after the next one shows that it is missing."""
    room = a_room()
    ada, bob = somebody(), somebody()
    lost: list[str] = []

    def lose(wire: WebSocketRoute) -> None:
        server = wire.connect_to_server()

        def pass_on(text: str | bytes) -> None:
            frame = json.loads(text)
            if frame["t"] == "msg" and frame["body"] == "lost" and not lost:
                lost.append(frame["body"])
            else:
                wire.send(text)

        server.on_message(pass_on)

    bob.add_init_script(WATCHED)
    bob.route_web_socket("**/chat/**", lose)
    enter(ada, room)
    # By his clock: a machine that is busy has another one.
    enter_and_stand_still(bob, room)
    for text in ("before", "lost", "after"):
        say(ada, text)
    wait_until(lambda: bob.evaluate("heard.some(({ body }) => body === 'after')"))
    assert lost == ["lost"] and bodies(bob) == ["before"]
    bob.clock.run_for(2_000)
    expect_bodies(bob, "before", "lost", "after")


def test_two_tabs_are_one_person_who_never_takes_their_own_name(somebody: Somebody, site: Site) -> None:
    """3."""
    room = a_room()
    left = enter(somebody(), room)
    say(left, "hi", handle="ada")
    expect_bodies(left, "hi")
    right = enter(left.context.new_page(), room)
    other = enter(somebody(), room)
    for page in (left, right, other):
        here(page, 2)
    site.interface.kill()
    site.interface.start()
    for page in (left, right, other):
        expect(page.get_by_role("status")).to_have_text("Connected")
        here(page, 2)
    for page in (left, right):
        expect(page.get_by_label("You are")).to_have_value("ada")
        say(page, "it is me")
    expect(other.locator("#log .handle")).to_have_text(["ada"] * 3)
    expect(left.get_by_role("alert")).to_have_text("")


def test_who_reads_further_up_is_not_moved(somebody: Somebody) -> None:
    """4. The button says how many came, and leads to them; the title tells, too."""
    room = a_room()
    reader = enter(somebody(viewport={"width": 800, "height": 500}), room)
    writer = enter(somebody(), room)
    for n in range(40):
        say(writer, f"old {n}")
    expect(reader.locator("#log .line")).to_have_count(40)
    top = scroll(reader, "each.scrollTop - 500")
    expect(reader.locator("#pill")).to_be_hidden()
    for n in range(20):
        say(writer, f"new {n}")
    expect(reader.locator("#pill")).to_have_text("20 new messages ↓")
    assert reader.locator("#scroller").evaluate("each => each.scrollTop") == top
    assert reader.title().startswith("(20) ")
    expect(reader.locator(".unread + .line .said")).to_have_text("new 0")
    reader.locator("#pill").click()
    expect(reader.locator("#pill")).to_be_hidden()
    expect(reader.get_by_text("new 19", exact=True)).to_be_in_viewport()
    assert not reader.title().startswith("(")
    # Who is at the end stays there.
    say(writer, "last")
    expect(reader.get_by_text("last", exact=True)).to_be_in_viewport()


def test_a_composition_is_no_message(somebody: Somebody) -> None:
    """5. Enter picks what the input method offers; the next one sends."""
    page = enter(somebody(), a_room())
    box = page.get_by_label("Message", exact=True)
    keyboard = page.context.new_cdp_session(page)
    keyboard.send("Input.imeSetComposition", {"text": "にほん", "selectionStart": 3, "selectionEnd": 3})
    enter_key = {"key": "Process", "code": "Enter", "windowsVirtualKeyCode": 229}
    keyboard.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **enter_key})
    keyboard.send("Input.insertText", {"text": "日本"})
    expect(box).to_have_value("日本")
    assert bodies(page) == []
    box.press("Enter")
    expect_bodies(page, "日本")


def test_what_is_nasty_is_harmless_and_laid_out(somebody: Somebody) -> None:
    """7."""
    room = a_room()
    page, other = enter(somebody(viewport={"width": 360, "height": 700}), room), enter(somebody(), room)
    nasty = [
        "<img src=x onerror=\"document.title='gone'\">",
        "javascript:alert(1) and [x](javascript:alert(1))",
        "a" + "\u0301" * 1_999,
        "W" * 2_000,
        "\u202egnp.exe",
    ]
    for text in nasty:
        say(page, text)
    expect_bodies(page, *nasty)
    expect(other.locator("#log .line")).to_have_count(len(nasty))
    assert page.locator("#log a:not(.at), #log img").count() == 0 and "gone" not in page.title()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.getElementById('scroller').scrollWidth <= innerWidth")
    # The tower of accents stays in its row.
    tower = page.locator("#log .line").nth(2).bounding_box()
    assert tower is not None and tower["height"] < 200
    for handle in ("\u202eada", "a\u200bda"):
        say(page, "who am I?", handle=handle)
        expect(page.locator("#pending").get_by_role("alert")).to_contain_text("Not sent.")
        page.locator("#pending").get_by_role("button", name="Discard").click()
    assert bodies(page) == nasty


def test_another_site_cannot_listen(somebody: Somebody, site: Site) -> None:
    """8. A page from elsewhere gets no socket."""
    page = somebody()
    elsewhere = "<!doctype html><title>elsewhere</title>"
    page.route("http://elsewhere.example/", lambda route: route.fulfill(body=elsewhere, content_type="text/html"))
    page.goto("http://elsewhere.example/")
    outcome = """(url) => new Promise((resolve) => {
        const socket = new WebSocket(url, "switchboard.v1");
        socket.onopen = () => resolve("open");
        socket.onerror = () => resolve("refused");
    })"""
    assert page.evaluate(outcome, f"{site.websocket_url}{a_room()}") == "refused"


def test_a_frame_of_a_megabyte_closes_the_socket_and_costs_nothing(somebody: Somebody, site: Site) -> None:
    """9."""
    page = enter(somebody(), a_room())
    memory = psutil.Process(site.interface.pid)
    before = memory.memory_info().rss
    outcome = """() => new Promise((resolve) => {
        const socket = new WebSocket(location.href.replace("http", "ws"), "switchboard.v1");
        socket.onopen = () => socket.send("x".repeat(2 ** 20));
        socket.onclose = ({ code }) => resolve(code);
    })"""
    codes = {page.evaluate(outcome) for _ in range(10)}
    assert codes <= {1009, 1006} and 1009 in codes
    assert memory.memory_info().rss - before < 16 * 2**20
    say(page, "still here")
    expect_bodies(page, "still here")


def test_a_preview_makes_no_room(site: Site) -> None:
    """10."""
    label = f"new-name-{uuid.uuid4().hex[:6]}"
    answer = httpx.get(f"{site.url}/chat/{label}/", headers={"User-Agent": "Slackbot-LinkExpanding 1.0"}, timeout=60)
    assert answer.status_code == 200 and 'content="noindex, nofollow"' in answer.text
    count = f"from chat.models import Room; print('rooms:', Room.objects.filter(label='{label}').count())"
    assert "rooms: 0" in site.manage("shell", "-v", "0", "-c", count)


def test_a_new_message_is_in_the_log_once(somebody: Somebody) -> None:
    """11. For who listens, too: their own is outside the live region until it is stored, and silent then."""
    room = a_room()
    ada, bob = enter(somebody(), room), enter(somebody(), room)
    say(ada, "once only")
    for page in (ada, bob):
        log = page.get_by_role("log", name="Messages")
        expect(log.get_by_role("listitem").filter(has_text="once only")).to_have_count(1)
        expect(log).to_have_attribute("aria-live", "polite")
    expect(ada.locator("#log .line")).to_have_attribute("aria-live", "off")
    expect(bob.locator("#log .line")).not_to_have_attribute("aria-live", "off")
    assert ada.locator("[role=log] #pending").count() == 0


def test_by_keyboard_alone(somebody: Somebody) -> None:
    """12. From the start to a room, a name, a message, the messages before it, who is here, and the menu."""
    page = somebody()
    page.goto("/")

    def tab_to(name: str, key: str = "Tab") -> None:
        for _ in range(20):
            page.keyboard.press(key)
            focused = page.evaluate(
                "(document.activeElement.ariaLabel || document.activeElement.innerText || '').trim()"
            )
            if name in focused:
                return
        pytest.fail(f"{name} was not reached by {key}")

    tab_to("Create new chat room")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Connected")
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_label("You are")).to_be_focused()
    page.keyboard.type("ada")
    page.keyboard.press("Tab")
    for text in ("one", "two"):
        page.keyboard.type(text)
        page.keyboard.press("Enter")
    expect_bodies(page, "one", "two")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.closest('.line').innerText").find("one") >= 0
    tab_to("1 person here", "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#roster .handle")).to_have_text("ada")
    page.keyboard.press("Escape")
    expect(page.locator("#roster")).to_be_hidden()
    tab_to("Menu")
    page.keyboard.press("Enter")
    expect(page.get_by_role("radio", name="Dark")).to_be_visible()
    page.keyboard.press("Escape")
    tab_to("Switchboard", "Shift+Tab")
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("link", name="Skip to the message box")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Message", exact=True)).to_be_focused()


def test_without_scripts_older_messages_and_newer_ones(somebody: Somebody) -> None:
    """13. Reading further back, and writing, by plain links and a form."""
    room = a_room()
    writer, plain = enter(somebody(), room), somebody(java_script_enabled=False)
    for n in range(60):
        say(writer, f"m{n}")
    expect(writer.locator("#log .line")).to_have_count(60)
    plain.goto(room)
    assert bodies(plain)[0] == "m10"
    plain.get_by_role("link", name="Older messages").click()
    expect_bodies(plain, *(f"m{n}" for n in range(10)))
    plain.get_by_role("link", name="To the latest").click()
    # The page before has a box as well.
    expect(plain.locator("#log .line .said").last).to_have_text("m59")
    plain.get_by_label("Message", exact=True).fill("by form")
    plain.get_by_role("button", name="Send").click()
    expect(plain.locator("#log .line .said").last).to_have_text("by form")
    expect(writer.locator("#log .line .said").last).to_have_text("by form")
    assert re.search(r"#end$", plain.url)
