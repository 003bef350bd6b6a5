"""What was said and could not be sent: it outlives the page, the connection and the interface; old text asks first."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from switchboard.testing.waiting import wait_until
from tests.browser.acts import a_room, bodies, enter, enter_and_stand_still, expect_bodies, say
from tests.browser.conftest import WATCHED, Somebody
from tests.site import Site

pytestmark = [pytest.mark.chromium, pytest.mark.redis, pytest.mark.timeout(300)]


def in_the_dark(page: Page, site: Site, *texts: str) -> None:
    """Say something while no interface is up."""
    site.interface.kill()
    expect(page.get_by_role("status")).to_contain_text("Reconnecting…")
    for text in texts:
        say(page, text)
    expect(page.locator("#pending .line .said")).to_have_text(list(texts))


def grow_old(page: Page, minutes: int) -> None:
    """As if everything unsent had been written so many minutes earlier."""
    page.evaluate(
        """(ms) => {
             for (const [key, text] of Object.entries(localStorage)) {
               if (!key.startsWith("switchboard.unsent.")) continue;
               const entry = JSON.parse(text);
               localStorage.setItem(key, JSON.stringify({ ...entry, at: entry.at - ms, meant: entry.meant - ms }));
             }
           }""",
        minutes * 60_000,
    )


def shelf(page: Page) -> list[str]:
    return page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('switchboard.unsent.'))")  # type: ignore[no-any-return]


def test_a_page_that_is_closed_in_the_dark_leaves_its_texts_to_the_next(somebody: Somebody, site: Site) -> None:
    room = a_room()
    ada, bob = enter(somebody(), room), enter(somebody(), room)
    say(ada, "before", handle="ada")
    expect_bodies(bob, "before")
    in_the_dark(ada, site, "one", "two", "three")
    ada.close()
    site.interface.start()
    again = enter(ada.context.new_page(), room)
    for page in (again, bob):
        expect_bodies(page, "before", "one", "two", "three")
    expect(again.locator("#log .handle").last).to_have_text("ada")
    assert shelf(again) == []


def test_a_reload_while_no_interface_is_up(somebody: Somebody, site: Site) -> None:
    """The reload itself fails; when the page comes at last, nothing is missing."""
    room = a_room()
    ada = enter(somebody(), room)
    in_the_dark(ada, site, "still here")
    with pytest.raises(Exception, match="ERR_CONNECTION_REFUSED"):
        ada.reload()
    site.interface.start()
    enter(ada, room)
    expect_bodies(ada, "still here")


def test_an_interface_that_is_killed_in_the_middle_of_sending(somebody: Somebody, site: Site) -> None:
    room = a_room()
    ada, bob = enter(somebody(), room), enter(somebody(), room)
    for n in range(12):
        say(ada, f"line {n}")
        if n in (4, 8):
            site.interface.kill()
            site.interface.start()
    expected = [f"line {n}" for n in range(12)]
    for page in (ada, bob):
        expect_bodies(page, *expected)
    assert shelf(ada) == []


def test_old_text_asks_and_is_sent_when_it_is_wanted(somebody: Somebody, site: Site) -> None:
    room = a_room()
    ada, bob = enter(somebody(), room), enter(somebody(), room)
    in_the_dark(ada, site, "the train leaves now", "see you")
    grow_old(ada, 14)
    ada.close()
    site.interface.start()
    again = enter(ada.context.new_page(), room)
    questions = again.locator("#pending .line.stuck")
    expect(questions.locator(".said")).to_have_text(["the train leaves now", "see you"])
    expect(questions.first.get_by_role("alert")).to_contain_text("You wrote this 14 minutes ago.")
    say(again, "something new")
    expect(bob.locator("#log .line .said")).to_have_text(["something new"])
    questions.nth(1).get_by_role("button", name="Send").click()
    expect_bodies(bob, "something new", "see you")
    questions.get_by_role("button", name="Discard").click()
    expect_bodies(again, "something new", "see you")
    assert shelf(again) == []


def test_text_gets_old_on_an_open_page_too(somebody: Somebody, site: Site) -> None:
    page = somebody()
    page.clock.install()
    enter(page, a_room())
    in_the_dark(page, site, "what was I going to say")
    page.clock.fast_forward("05:00")
    site.interface.start()
    expect(page.locator("#pending").get_by_role("alert")).to_contain_text("You wrote this 5 minutes ago.")
    page.locator("#pending").get_by_role("alert").get_by_role("button", name="Send").click()
    expect_bodies(page, "what was I going to say")


def test_what_was_stored_does_not_ask_however_old_it_is(somebody: Somebody, site: Site) -> None:
    """Its acknowledgement was lost with the connection, and the page was closed then."""
    room = a_room()
    ada = somebody()
    mute: list[bool] = []

    def swallow(wire: WebSocketRoute) -> None:
        server = wire.connect_to_server()
        server.on_message(lambda frame: None if mute and '"welcome"' not in str(frame) else wire.send(frame))

    ada.route_web_socket("**/chat/**", swallow)
    enter(ada, room)
    mute.append(True)
    watcher = enter(somebody(), room)
    say(ada, "did it arrive?")
    expect_bodies(watcher, "did it arrive?")
    expect(ada.locator("#pending .note")).to_have_text("Sending…")
    grow_old(ada, 14)
    ada.close()
    again = enter(ada.context.new_page(), room)
    expect_bodies(again, "did it arrive?")
    assert shelf(again) == []


def test_two_tabs_of_one_browser(somebody: Somebody, site: Site) -> None:
    room = a_room()
    left = enter(somebody(), room)
    right = enter(left.context.new_page(), room)
    watcher = enter(somebody(), room)
    site.interface.kill()
    for page in (left, right):
        expect(page.get_by_role("status")).to_contain_text("Reconnecting…")
    for n in range(4):
        say(left, f"left {n}")
        say(right, f"right {n}")
    site.interface.start()
    for page in (left, right, watcher):
        expect(page.locator("#log .line")).to_have_count(8)
        expect(page.locator("#pending .line")).to_have_count(0)
    assert bodies(left) == bodies(right) == bodies(watcher)
    for name in ("left", "right"):
        assert [body for body in bodies(left) if body.startswith(name)] == [f"{name} {n}" for n in range(4)]
    assert shelf(left) == []


def refusing(page: Page, **nack: object) -> None:
    """The next message of this page is refused, on the wire."""
    pending = [nack]

    def refuse(wire: WebSocketRoute) -> None:
        server = wire.connect_to_server()

        def pass_on(text: str | bytes) -> None:
            frame = json.loads(text)
            if frame["t"] == "msg" and pending:
                wire.send(json.dumps({"t": "nack", "cid": frame["cid"], **pending.pop()}))
            else:
                server.send(text)

        wire.on_message(pass_on)

    page.route_web_socket("**/chat/**", refuse)


def test_a_refusal_keeps_the_text_and_leaves_the_choice(somebody: Somebody) -> None:
    page, room = somebody(), a_room()
    refusing(page, code="dead", text="This could not be stored and was given up.", retry=False)
    enter(page, room)
    say(page, "dear text")
    note = page.locator("#pending").get_by_role("alert")
    expect(note).to_contain_text("Not sent. This could not be stored and was given up.")
    expect(page.locator("#pending .said")).to_have_text("dear text")
    page.reload()
    note.get_by_role("button", name="Edit").click()
    expect(page.get_by_label("Message", exact=True)).to_have_value("dear text")
    expect(page.locator("#pending .line")).to_have_count(0)
    say(page, "dear text, again")
    expect_bodies(page, "dear text, again")


@pytest.mark.parametrize(("answer", "left"), [("Retry", ["dear text"]), ("Discard", [])])
def test_a_refused_text_is_sent_again_or_thrown_away(somebody: Somebody, answer: str, left: list[str]) -> None:
    page = somebody()
    refusing(page, code="failed", text="Try again.", retry=False)
    enter(page, a_room())
    say(page, "dear text")
    page.locator("#pending").get_by_role("button", name=answer).click()
    expect_bodies(page, *left)
    assert shelf(page) == []


def test_moving_to_another_interface_is_not_seen(somebody: Somebody) -> None:
    page = somebody()
    page.add_init_script(WATCHED)
    # After which time it leaves is chance; whether it is soon back, and so says nothing of it, is the machine's doing.
    page.add_init_script("Math.random = () => 0.5")
    enter_and_stand_still(page, a_room())
    page.evaluate(
        """() => {
             window.states = [];
             const status = document.getElementById("status");
             new MutationObserver(() => states.push(status.dataset.state)).observe(status, { attributes: true });
           }"""
    )
    moving = json.dumps({"t": "moving"})
    page.evaluate("(data) => wires[0].dispatchEvent(new MessageEvent('message', { data }))", moving)
    say(page, "on the way")
    page.clock.run_for(1_500)
    wait_until(lambda: page.evaluate("wires.length > 1"))
    say(page, "there")
    expect_bodies(page, "on the way", "there")
    assert page.evaluate("wires.length") == 2 and page.evaluate("states") == []


def test_where_the_browser_keeps_nothing_the_room_works_all_the_same(somebody: Somebody, site: Site) -> None:
    page = somebody()
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } })"
    )
    enter(page, a_room())
    say(page, "hi")
    expect_bodies(page, "hi")
