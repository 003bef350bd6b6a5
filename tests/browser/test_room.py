"""People in a room: real browsers, Daphne, Redis and workers."""

from __future__ import annotations

import signal
import uuid
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.acts import a_room, bodies, enter, expect_bodies, menu, say
from tests.browser.conftest import Somebody
from tests.site import Site

pytestmark = [pytest.mark.chromium, pytest.mark.redis, pytest.mark.timeout(300)]


def test_two_talk_in_a_room_made_by_the_button_and_a_third_comes_late(somebody: Somebody) -> None:
    ada, bob, late = somebody(), somebody(), somebody()
    ada.goto("/")
    ada.get_by_role("link", name="Create new chat room").click()
    expect(ada.get_by_role("status")).to_have_text("Connected")
    enter(bob, ada.url)
    say(ada, "Hello, is anybody there?", handle="ada")
    expect_bodies(bob, "Hello, is anybody there?")
    say(bob, "I am.", handle="bob")
    expect_bodies(ada, "Hello, is anybody there?", "I am.")
    say(ada, "Good.")
    for page in (ada, bob):
        expect_bodies(page, "Hello, is anybody there?", "I am.", "Good.")
    enter(late, ada.url)
    expect_bodies(late, "Hello, is anybody there?", "I am.", "Good.")
    expect(late.locator("#log .handle")).to_have_text(["ada", "bob", "ada"])
    # The rows of the page as it was served and those that came live look the same.
    looks = "rows => rows.map(row => [row.className, row.querySelector('.handle').dataset.hue])"
    assert late.locator("#log .line").evaluate_all(looks) == ada.locator("#log .line").evaluate_all(looks)
    say(late, "Sorry, I am late", handle="cy")
    expect_bodies(ada, "Hello, is anybody there?", "I am.", "Good.", "Sorry, I am late")


def test_html_shows_as_text(somebody: Somebody) -> None:
    room, nasty = a_room(), "<img src=x onerror=\"document.title='gone'\"><script>document.title='gone'</script>"
    ada, bob = enter(somebody(), room), enter(somebody(), room)
    say(ada, nasty, handle="<b>ada</b>")
    for page in (ada, bob):
        expect_bodies(page, nasty)
    bob.reload()
    expect_bodies(bob, nasty)
    expect(bob.locator("#log .handle")).to_have_text("<b>ada</b>")
    assert bob.locator("#log img, #log script, #log b").count() == 0 and "gone" not in bob.title()


def test_enter_and_its_exceptions(somebody: Somebody) -> None:
    page = enter(somebody(), a_room())
    box = page.get_by_label("Message", exact=True)
    box.fill("one")
    box.press("Shift+Enter")
    box.press_sequentially("two")
    box.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    box.dispatch_event("keydown", {"key": "Enter", "keyCode": 229})
    expect(box).to_have_value("one\ntwo")
    box.press("Enter")
    expect_bodies(page, "one\ntwo")
    expect(box).to_have_value("")
    expect(box).to_be_focused()
    box.press("Enter")
    box.fill("   ")
    page.get_by_role("button", name="Send").click()
    say(page, "three")
    expect_bodies(page, "one\ntwo", "three")


def test_what_is_pasted_is_one_message_as_it_was(somebody: Somebody) -> None:
    page = somebody(permissions=["clipboard-read", "clipboard-write"])
    enter(page, a_room())
    text = "def f():\n\treturn  1\n\n\n# the end"
    page.evaluate("(text) => navigator.clipboard.writeText(text)", text)
    page.get_by_label("Message", exact=True).press("Control+V")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#log .said")).to_have_count(1)
    assert page.locator("#log .said").text_content() == text


def test_what_is_too_long_stays_in_the_box(somebody: Somebody) -> None:
    page = enter(somebody(), a_room())
    box = page.get_by_label("Message", exact=True)
    box.fill("🍵" * 1_900)
    expect(page.locator("#hint")).to_have_text("100 characters left.")
    box.fill("🍵" * 2_001)
    box.press("Enter")
    expect(page.locator("#hint")).to_have_text("1 character too many.")
    expect(page.get_by_role("alert")).to_have_text("This is too long for one message. Nothing was sent.")
    expect(box).to_have_value("🍵" * 2_001)
    box.fill("🍵" * 2_000)
    box.press("Enter")
    expect_bodies(page, "🍵" * 2_000)


def test_a_name_is_offered_and_remembered(somebody: Somebody) -> None:
    page = enter(somebody(), a_room())
    name = page.get_by_label("You are")
    assert " " in name.input_value()
    say(page, "hi", handle="ada")
    expect_bodies(page, "hi")
    enter(page, a_room())
    expect(name).to_have_value("ada")
    name.fill("")
    page.get_by_label("Message", exact=True).fill("who am I?")
    page.get_by_role("button", name="Send").click()
    assert bodies(page) == []


def test_who_is_logged_in_has_the_name_filled_in_and_marked(somebody: Somebody, site: Site) -> None:
    name, password, room = f"ada-{uuid.uuid4().hex[:6]}", "lovelace-1815", a_room()
    site.manage(
        "createsuperuser", "--noinput", "--username", name, "--email", "a@b.example", DJANGO_SUPERUSER_PASSWORD=password
    )
    page, other = somebody(), enter(somebody(), room)
    page.goto(room)
    menu(page)
    page.get_by_role("link", name="Log in").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("status")).to_have_text("Connected")
    expect(page.get_by_label("You are")).to_have_value(name)
    say(page, "it is me")
    expect(other.locator("#log .handle[data-user]")).to_have_text(name)
    menu(page)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("link", name="Log in")).to_be_visible()


def test_the_host_speaks_through_the_admin(somebody: Somebody, site: Site) -> None:
    name, password, room = f"host-{uuid.uuid4().hex[:6]}", "lovelace-1815", a_room()
    site.manage(
        "createsuperuser", "--noinput", "--username", name, "--email", "a@b.example", DJANGO_SUPERUSER_PASSWORD=password
    )
    guest, host = enter(somebody(), room), somebody()
    host.goto("/admin/chat/message/add/")
    host.get_by_label("Username").fill(name)
    host.get_by_label("Password").fill(password)
    host.get_by_role("button", name="Log in").click()
    host.locator("[aria-labelledby=select2-id_room-container]").click()
    host.locator(".select2-search__field").fill(room.split("/")[2])
    host.get_by_role("option", name=room.split("/")[2]).click()
    host.get_by_label("Handle").fill("host")
    host.get_by_label("Message:").fill("The tea is ready.")
    host.get_by_role("button", name="Save", exact=True).click()
    expect(host.get_by_text("was added successfully")).to_be_visible()
    expect_bodies(guest, "The tea is ready.")


def test_the_keyboard_alone_is_enough(somebody: Somebody) -> None:
    page = enter(somebody(), a_room())
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    page.keyboard.type("typed at once")
    page.keyboard.press("Enter")
    expect_bodies(page, "typed at once")
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_label("You are")).to_be_focused()
    for _stop in ("the message", "copy", "the link", "the conversation"):
        page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("region", name="Conversation")).to_be_focused()
    log = page.get_by_role("log", name="Messages")
    expect(log.get_by_role("listitem").filter(has_text="typed at once")).to_have_count(1)


def test_without_scripts_one_reads_and_writes(somebody: Somebody) -> None:
    room = a_room()
    plain, live = somebody(java_script_enabled=False), enter(somebody(), room)
    plain.goto(room)
    plain.get_by_label("You are").fill("ada")
    plain.get_by_label("Message", exact=True).fill("by form")
    plain.get_by_role("button", name="Send").click()
    expect_bodies(plain, "by form")
    expect_bodies(live, "by form")
    plain.goto("/")
    plain.get_by_label("Or join one by its name").fill(room.split("/")[2])
    plain.get_by_role("button", name="Join").click()
    expect_bodies(plain, "by form")


def test_while_no_worker_runs_a_message_waits_and_the_socket_stays(somebody: Somebody, site: Site) -> None:
    room, ada = a_room(), somebody()
    # A worker that is killed with this in its hands leaves it to be answered by 502.
    with ada.expect_response("**/muted"):
        enter(ada, room)
    bob = enter(somebody(), room)
    say(ada, "before")
    expect_bodies(bob, "before")
    for worker in site.workers:
        worker.kill()
    say(ada, "while nobody works")
    note = ada.locator("#pending .note")
    expect(note).to_have_text("Sending…")
    expect(note).to_be_visible()
    # What is stored sooner than this needs no word.
    assert note.evaluate("each => getComputedStyle(each).animation.includes('0.3s')")
    expect(ada.get_by_role("status")).to_have_text("Connected")
    for worker in site.workers:
        worker.start()
    for page in (ada, bob):
        expect_bodies(page, "before", "while nobody works")
        expect(page.get_by_role("status")).to_have_text("Connected")


def test_workers_come_and_go_and_nobody_notices(somebody: Somebody, site: Site) -> None:
    """Both are restarted one after the other, then one is killed, while two people talk."""
    room = a_room()
    pages = {"ada": enter(somebody(), room), "bob": enter(somebody(), room)}
    for page in pages.values():
        page.evaluate(
            """() => {
                 window.states = [];
                 const status = document.getElementById("status");
                 new MutationObserver(() => states.push(status.dataset.state)).observe(status, { attributes: true });
               }"""
        )
    said = 0

    def talk() -> None:
        nonlocal said
        for _ in range(5):
            said += 1
            for handle, page in pages.items():
                say(page, f"{handle} {said}", handle=handle)

    first, second = site.workers[:2]
    for worker in (first, second):
        talk()
        worker.signal(signal.SIGTERM)
        talk()
        worker.wait()
        worker.start()
    talk()
    first.kill()
    talk()
    for page in pages.values():
        expect(page.locator("#log .line")).to_have_count(2 * said)
        expect(page.locator("#pending .line")).to_have_count(0)
    first.start()
    assert bodies(pages["ada"]) == bodies(pages["bob"])
    for handle, page in pages.items():
        assert [body for body in bodies(page) if body.startswith(handle)] == [f"{handle} {n + 1}" for n in range(said)]
        assert page.evaluate("states") == []


def test_after_a_lost_connection_nothing_is_missing_and_nothing_twice(somebody: Somebody, site: Site) -> None:
    room = a_room()
    ada, bob = enter(somebody(), room), enter(somebody(), room)
    say(ada, "before")
    expect_bodies(bob, "before")
    site.interface.kill()
    for page in (ada, bob):
        expect(page.get_by_role("status")).to_contain_text("Reconnecting…")
    say(ada, "from ada, in the dark")
    say(bob, "from bob, in the dark")
    site.interface.start()
    for page in (ada, bob):
        expect(page.get_by_role("status")).to_have_text("Connected")
        expect(page.locator("#log .line")).to_have_count(3)
        expect(page.locator("#pending .line")).to_have_count(0)
    assert bodies(ada) == bodies(bob)
    assert sorted(bodies(ada)) == ["before", "from ada, in the dark", "from bob, in the dark"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("device", "width"), [("desk", 1100), ("phone", 360)])
def test_it_fits_and_can_be_read(somebody: Somebody, scheme: str, device: str, width: int, tmp_path: Path) -> None:
    page = somebody(color_scheme=scheme, viewport={"width": width, "height": 700})
    enter(page, a_room())
    for handle, body in (("ada", "Good morning"), ("bob", "x" * 500), ("日本", "種も持って行きますね 🌱")):
        say(page, body, handle=handle)
    expect(page.locator("#log .line")).to_have_count(3)
    page.screenshot(path=tmp_path / f"{device}-{scheme}.png")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    paper, ink = page.evaluate(
        """[getComputedStyle(document.documentElement).backgroundColor, getComputedStyle(document.body).color]
           .map((text) => text.match(/[\\d.]+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0))"""
    )
    assert (paper > ink) == (scheme == "light") and abs(paper - ink) > 400
    touchable = page.get_by_role("button", name="Send").bounding_box()
    assert touchable is not None and touchable["height"] >= 44


def test_a_room_that_cannot_be_is_not_tried_for_ever(somebody: Somebody) -> None:
    """The page of such a room does not exist; a socket that is told so gives up."""
    page = enter(somebody(), a_room())
    state = page.evaluate(
        """async () => {
             const room = document.querySelector("script[type=module]").src;
             const { Socket } = await import(room.replace(/room.*$/, "socket.js"));
             const url = location.origin.replace("http", "ws") + "/chat/new/";
             return new Promise((resolve) => {
               const onState = (state) => state === "refused" || state === "waiting" ? resolve(state) : 0;
               new Socket(url, "switchboard.v1", { onFrame() {}, onState }).connect();
             });
           }"""
    )
    assert state == "refused"
