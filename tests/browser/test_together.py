"""Being together: who is here and how they are called, who types, who is meant, and how others are asked in."""

from __future__ import annotations

import json
import uuid

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from switchboard.testing.waiting import wait_until
from tests.browser.acts import a_room, ada_and_bob, enter, enter_and_stand_still, expect_bodies, let_pass, menu, say
from tests.browser.conftest import WATCHED, Somebody

pytestmark = [pytest.mark.chromium, pytest.mark.redis, pytest.mark.timeout(300)]


def called(page: Page, handle: str) -> None:
    name = page.get_by_label("You are")
    name.fill(handle)
    name.press("Enter")


def test_who_is_here(somebody: Somebody) -> None:
    room = a_room()
    ada = enter(somebody(), room)
    say(ada, "hi", handle="ada")
    expect_bodies(ada, "hi")
    bob = enter(somebody(), room)
    expect(bob.locator("#count")).to_have_text("2")
    called(bob, "bob")
    expect(ada.locator("#log .notice")).to_have_text("bob joined")
    ada.locator("#people > summary").click()
    expect(ada.locator("#roster .handle")).to_have_text(["ada", "bob"])
    called(bob, "robert")
    expect(ada.locator("#log .notice")).to_have_text("robert joined")
    expect(ada.locator("#roster .handle")).to_have_text(["ada", "robert"])
    # That somebody came is no message: neither counted nor repeated after the next one.
    assert not ada.title().startswith("(")
    say(bob, "hello")
    expect(ada.locator("#log li:not(.day)")).to_have_count(3)


def test_a_name_is_one_persons(somebody: Somebody) -> None:
    room = a_room()
    ada, eve = enter(somebody(), room), enter(somebody(), room)
    say(ada, "it is me", handle="ada")
    expect_bodies(eve, "it is me")
    say(eve, "it is me, too", handle="ＡＤＡ")
    note = eve.locator("#pending").get_by_role("alert")
    expect(note).to_contain_text("Not sent.")
    expect(eve.get_by_label("You are")).to_have_attribute("aria-invalid", "true")
    called(eve, "eve")
    note.get_by_role("button", name="Retry").click()
    expect(ada.locator("#log .handle")).to_have_text(["ada", "eve"])
    expect_bodies(ada, "it is me", "it is me, too")


def test_who_types_is_told_unless_it_is_switched_off(somebody: Somebody) -> None:
    ada, bob = ada_and_bob(somebody, bob_says="hi")
    box = bob.get_by_label("Message", exact=True)

    def seen_typing() -> bool:
        box.press_sequentially("o")
        return ada.locator("#typing").inner_text() == "bob is typing…"

    wait_until(seen_typing)
    text = box.input_value()
    box.press("Enter")
    expect_bodies(ada, "hi", text)
    expect(ada.locator("#typing")).to_have_text("")
    menu(ada)
    ada.get_by_label("Show when somebody types, and when I do").uncheck()
    ada.reload()
    menu(ada)
    expect(ada.get_by_label("Show when somebody types, and when I do")).not_to_be_checked()


def test_somebody_is_meant(somebody: Somebody) -> None:
    room = a_room()
    ada, bob = enter(somebody(), room), enter(somebody(), room)
    say(ada, "hi", handle="quiet otter")
    expect_bodies(bob, "hi")
    box = bob.get_by_label("Message", exact=True)
    box.press_sequentially("@qui")
    expect(bob.locator("#hint")).to_have_text("Tab completes: quiet otter")
    box.press("Tab")
    expect(box).to_have_value("@quiet otter ")
    box.press_sequentially("come")
    box.press("Enter")
    expect(ada.locator("#log .line.mentions .mention")).to_have_text("@quiet otter")
    expect(bob.locator("#log .line.mentions")).to_have_count(0)
    for page in (ada, bob):
        page.reload()
        expect(page.locator("#log .mention")).to_have_text("@quiet otter")
    expect(ada.locator("#log .line.mentions")).to_have_count(1)
    # Where there is nothing to complete, Tab is the browser's.
    box.press("Tab")
    expect(bob.get_by_role("button", name="Send")).to_be_focused()


def overtaking(page: Page, slow: str, fast: str) -> None:
    """On this page's wire the first frame of one type waits until one of the other has passed it."""
    waiting: list[str | bytes] = []
    passed: list[str] = []

    def hold(wire: WebSocketRoute) -> None:
        server = wire.connect_to_server()

        def pass_on(text: str | bytes) -> None:
            frame = json.loads(text)
            if frame["t"] == slow and not passed:
                waiting.append(text)
                return
            wire.send(text)
            if frame["t"] == fast and frame.get("handle", True):
                passed.append(fast)
                while waiting:
                    wire.send(waiting.pop(0))

        server.on_message(pass_on)

    page.route_web_socket("**/chat/**", hold)


def test_a_name_that_overtakes_the_welcome(somebody: Somebody) -> None:
    """The welcome was read before somebody took a name and comes after they were told of by it."""
    room = a_room()
    ada, bob = enter(somebody(), room), somebody()
    overtaking(bob, "welcome", "person")
    bob.goto(room)
    expect(ada.locator("#count")).to_have_text("2")
    say(ada, "hi", handle="quiet otter")
    expect_bodies(bob, "hi")
    bob.locator("#people > summary").click()
    expect(bob.locator("#roster .handle")).to_have_text(["quiet otter"])
    expect(bob.locator("#log .notice")).to_have_count(0)


def test_a_deletion_that_overtakes_its_message(somebody: Somebody) -> None:
    room = a_room()
    ada, bob = enter(somebody(), room), somebody()
    overtaking(bob, "msg", "deleted")
    enter(bob, room)
    say(ada, "a slip", handle="ada")
    expect_bodies(ada, "a slip")
    ada.locator("#log .line").hover()
    ada.get_by_role("button", name="Delete", exact=True).click()
    expect(bob.locator("#log .line .said")).to_have_text("This message was deleted.")
    expect(bob.locator("#log .handle")).to_have_count(0)


def test_a_draft_is_the_rooms_and_the_last_text_comes_back(somebody: Somebody) -> None:
    one, other = a_room(), a_room()
    page = enter(somebody(), one)
    box = page.get_by_label("Message", exact=True)
    box.fill("half a thou")
    enter(page, other)
    expect(box).to_have_value("")
    enter(page, one)
    expect(box).to_have_value("half a thou")
    say(page, "a thought")
    expect_bodies(page, "a thought")
    box.press("ArrowUp")
    expect(box).to_have_value("a thought")
    box.fill("")
    page.reload()
    expect(box).to_have_value("")


def test_the_link_is_copied(somebody: Somebody) -> None:
    page = somebody(permissions=["clipboard-read", "clipboard-write"])
    enter_and_stand_still(page, a_room())
    for button in (page.locator("#share"), page.locator("#copy")):
        button.click()
        expect(button).to_have_text("Copied")
    page.clock.resume()
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    expect(page.get_by_text("This room is empty")).to_be_visible()
    say(page, "no more")
    expect(page.get_by_text("This is the start of")).to_be_visible()
    expect(page.get_by_text("This room is empty")).to_be_hidden()
    expect(page.get_by_text("A short name is easy to guess")).to_have_count(0)
    enter(page, f"/chat/t{uuid.uuid4().hex[:5]}/")
    expect(page.get_by_text("A short name is easy to guess")).to_be_visible()


def test_where_a_button_has_no_room_for_its_words_it_tells_them_below(somebody: Somebody) -> None:
    page = somebody(permissions=["clipboard-read", "clipboard-write"], viewport={"width": 360, "height": 720})
    enter_and_stand_still(page, a_room())
    words = page.locator("#share span")

    def width() -> float:
        box = words.bounding_box()
        assert box is not None
        return box["width"]

    assert width() <= 1
    page.locator("#share").click()
    expect(words).to_have_text("Copied")
    assert width() > 20
    expect(words).to_be_in_viewport(ratio=1)
    page.clock.run_for(2_000)
    expect(words).to_have_text("Copy link")
    assert width() <= 1


def test_the_link_is_given_to_the_phones_own_menu(somebody: Somebody) -> None:
    page = somebody(has_touch=True, is_mobile=True, viewport={"width": 360, "height": 720})
    page.add_init_script(
        """window.shared = [];
           navigator.share = async (what) => {
             shared.push(what);
             if (shared.length > 1) throw new DOMException("closed", "AbortError");
           };"""
    )
    enter(page, a_room())
    page.get_by_role("button", name="Copy link").first.tap()
    page.get_by_role("button", name="Share…").tap()
    wait_until(lambda: len(page.evaluate("shared")) == 2)
    assert page.evaluate("shared") == [{"title": page.title(), "url": page.url}] * 2


def test_where_nothing_can_share_nothing_offers_it(somebody: Somebody) -> None:
    page = somebody()
    page.add_init_script("delete Navigator.prototype.share; delete Navigator.prototype.clipboard")
    enter(page, a_room())
    for button in ("#share", "#copy", "#give"):
        expect(page.locator(button)).to_be_hidden()
    expect(page.get_by_role("link", name=page.url)).to_be_visible()


#: Notifications are recorded before the browser shows them, and whether it was asked if it may.
RECORDED = """
    window.notes = [];
    window.asked = 0;
    const ask = Notification.requestPermission.bind(Notification);
    window.Notification = new Proxy(Notification, {
      construct: (real, [title, options]) => {
        notes.push([title, options.body, options.tag]);
        return new real(title, options);
      },
      get: (real, key) => key !== "requestPermission" ? Reflect.get(real, key, real) : () => {
        asked += 1;
        return ask();
      },
    });
"""
OUT_OF_SIGHT = "Object.defineProperty(document, 'hidden', { configurable: true, get: () => true })"


def test_who_asked_for_it_is_notified_of_a_mention_out_of_sight(somebody: Somebody) -> None:
    room = a_room()
    ada, bob = somebody(permissions=["notifications"]), enter(somebody(), room)
    ada.add_init_script(RECORDED)
    enter(ada, room)
    say(ada, "hi", handle="ada")
    menu(ada)
    choice = ada.get_by_label("Notify me when somebody mentions me")
    expect(choice).not_to_be_checked()
    assert ada.evaluate("asked") == 0
    choice.check()
    wait_until(lambda: ada.evaluate("asked") == 1)
    ada.keyboard.press("Escape")
    say(bob, "@ada in sight", handle="bob")
    expect_bodies(ada, "hi", "@ada in sight")
    ada.evaluate(OUT_OF_SIGHT)
    for text in ("nobody is meant", "@adam is another one", "@ada come"):
        say(bob, text)
    wait_until(lambda: ada.evaluate("notes") == [["bob", "@ada come", f"switchboard.{room.split('/')[2]}"]])
    ada.reload()
    menu(ada)
    expect(choice).to_be_checked()
    assert ada.evaluate("asked") == 0


def test_where_notifications_are_denied_it_says_so(somebody: Somebody) -> None:
    page = somebody()
    page.add_init_script("Notification.requestPermission = async () => 'denied'")
    enter(page, a_room())
    menu(page)
    page.get_by_label("Notify me when somebody mentions me").click()
    expect(page.get_by_text("This browser does not allow notifications for this page.")).to_be_visible()
    expect(page.get_by_label("Notify me when somebody mentions me")).not_to_be_checked()


def test_a_reload_is_no_leave_and_who_stays_away_half_a_minute_has_left(somebody: Somebody) -> None:
    room = a_room()
    ada, bob = somebody(), somebody()
    ada.add_init_script(WATCHED)
    ada.clock.install()
    enter(ada, room)

    def told(*of_bob: bool) -> bool:
        told: list[bool] = ada.evaluate(
            "heard.filter((each) => each.handle === 'bob' && 'here' in each).map(({ here }) => here)"
        )
        return told == list(of_bob)

    say(enter(bob, room), "hi", handle="bob")
    expect_bodies(ada, "hi")
    # A slow reload: one that is faster than the worker which hears of the old socket is not told of at all.
    bob.goto("/")
    wait_until(lambda: told(True, False))
    enter(bob, room)
    wait_until(lambda: told(True, False, True))
    let_pass(ada, seconds=35)
    expect(ada.locator("#count")).to_have_text("2")
    bob.close()
    wait_until(lambda: told(True, False, True, False))
    let_pass(ada, seconds=20)
    expect(ada.locator("#count")).to_have_text("2")
    expect(ada.locator("#log .notice")).to_have_text(["bob joined"])
    let_pass(ada, seconds=15)
    expect(ada.locator("#count")).to_have_text("1")
    expect(ada.locator("#log .notice")).to_have_text(["bob joined", "bob left"])
    assert not ada.title().startswith("(")
