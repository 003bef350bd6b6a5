"""Browsers that keep nothing, or no more: text that cannot be kept is not lost without being asked."""

from __future__ import annotations

import pytest
from playwright.sync_api import Dialog, Page, expect

from switchboard.testing.waiting import wait_until
from tests.browser.acts import a_room, enter, expect_bodies, menu, say
from tests.browser.conftest import Somebody
from tests.site import Site

pytestmark = [pytest.mark.chromium, pytest.mark.redis, pytest.mark.timeout(300)]


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
