"""``python -m tests.browser.pictures``: the pages in every size, scheme and state, to be looked at.

All go to ``var/pictures``, and with ``--docs`` those that the README shows to ``docs/images``. The talk, its times, the
names and the room are the same each time, so a picture changes when the page does. They are made of a whole site, with
Redis, an interface and a worker, and of the Chromium that the tests take.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, Page, StorageState, expect, sync_playwright

from switchboard.testing.processes import ROOT
from tests.browser.conftest import ARGUMENTS, PATIENCE_MS
from tests.browser.tour import TUNNEL
from tests.conftest import chromium_binary
from tests.site import Site, running_site

LABEL = "icy-cloud-k7w2mq"
#: Of all browsers, so that days are told as today's.
NOW = datetime(2026, 2, 20, 10, 40, tzinfo=UTC)
SIZES = {"phone": (360, 720), "tablet": (768, 1024), "desk": (1280, 800)}
SCHEMES = ("light", "dark")
#: What the README shows, and from which picture.
SHOWN = {
    "room": "busy-desk-light",
    "landing": "landing-desk-light",
    "empty-phone": "empty-phone-light",
    "room-phone-dark": "busy-phone-dark",
    "offline-phone": "offline-phone-light",
}
COMMAND = "```sh\ncurl -d 'people=4' https://tea.example/book\n```"
#: Who, how many minutes before now, what.
TALK = (
    ("quiet otter", 1_020, "Good evening! Is this the room for the walk?"),
    ("ada", 1_019, "It is. Whoever has the link can read along."),
    ("quiet otter", 18, "Has anyone tried the new tea place by the river?"),
    ("quiet otter", 18, "The one with the blue door."),
    ("ada", 17, "@quiet otter yes! They roast their own, see https://tea.example/hojicha (worth a look)."),
    ("하린", 15, "저도 갈래요. 토요일 어때요? 🌱"),
    ("ada", 12, f"Saturday is fine. I can book a table with\n{COMMAND}\nor we just walk in."),
    ("سارة", 9, "السبت مناسب لي أيضا، الساعة الثالثة؟"),
    ("ada", 4, "Three it is."),
    ("quiet otter", 2, "I'll bring the small umbrella, they say it will rain a little."),
)  # fmt: skip
PEOPLE = ("quiet otter", "하린", "سارة")


def fill(site: Site) -> None:
    """The talk, as if it had been held before now."""
    talk = json.dumps([(handle, (NOW - timedelta(minutes=ago)).isoformat(), body) for handle, ago, body in TALK])
    program = (
        "import json, sys; from datetime import datetime; from chat import moderation, services; "
        "from chat.models import Message, Room; from chat.protocol import Post\n"
        f"for n, (handle, at, body) in enumerate(json.loads({talk!r})):\n"
        f"    said = services.post({LABEL!r}, Post(handle, body), identity=f'c:{{n}}')\n"
        "    Message.objects.filter(pk=said.message.pk).update(timestamp=datetime.fromisoformat(at))\n"
        f"moderation.set_topic(Room.objects.get(label={LABEL!r}), 'Tea on Saturday')"
    )
    site.manage("shell", "-v", "0", "-c", program)


@contextmanager
def somebody(
    browser: Browser,
    site: Site,
    handle: str,
    size: str = "desk",
    scheme: str = "light",
    known: StorageState | None = None,
) -> Iterator[Page]:
    """A page of a browser that is not known yet, or ``known`` already."""
    width, height = SIZES[size]
    phone = size == "phone"
    context = browser.new_context(
        base_url=site.url,
        locale="en-US",
        timezone_id="UTC",
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": height},
        has_touch=phone,
        is_mobile=phone,
        storage_state=known,
    )
    context.set_default_timeout(PATIENCE_MS)
    remembered = json.dumps(handle)
    context.add_init_script(TUNNEL)
    context.add_init_script(f"localStorage.setItem('switchboard.handle', {remembered})")
    page = context.new_page()
    page.clock.set_fixed_time(NOW)
    yield page
    context.close()


def enter(page: Page, label: str = LABEL) -> None:
    page.goto(f"/chat/{label}/")
    expect(page.get_by_role("status")).to_have_text("Connected")
    expect(page.locator("#typing-choice")).not_to_have_attribute("hidden", "")


def take(browser: Browser, site: Site, folder: Path, size: str, scheme: str, known: StorageState) -> None:
    """All states in one size and scheme."""

    def picture(page: Page, state: str) -> None:
        page.screenshot(path=folder / f"{state}-{size}-{scheme}.png", animations="disabled", caret="hide")

    with somebody(browser, site, "ada", size, scheme, known) as page:
        for state, path in (("landing", "/"), ("signup", "/accounts/signup/"), ("lost", "/nowhere")):
            page.goto(path)
            picture(page, state)
        label = "mossy-lantern-h4r2wd"
        enter(page, label)
        # The port is another one each time.
        page.locator("#link").evaluate(
            "(link, text) => { link.textContent = text }", f"https://chat.example/chat/{label}/"
        )
        picture(page, "empty")
        enter(page)
        expect(page.locator("#count")).to_have_text(str(1 + len(PEOPLE)))
        picture(page, "busy")
        page.get_by_label("Menu", exact=True).click()
        picture(page, "menu")
        page.locator("#people > summary").click()
        picture(page, "people")
        page.keyboard.press("Escape")
        page.mouse.move(1, 1)
        page.evaluate("window.dark = true; wire.close()")
        expect(page.get_by_role("status")).to_contain_text("You can keep typing")
        page.get_by_label("Message", exact=True).fill("I am in the tunnel, back in a minute")
        page.get_by_label("Message", exact=True).press("Enter")
        expect(page.locator("#pending .note")).to_be_visible()
        picture(page, "offline")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docs", action="store_true", help="also replace the pictures in docs/images")
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "pictures")
    wanted = parser.parse_args()
    wanted.folder.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=PATIENCE_MS)
    with (
        tempfile.TemporaryDirectory() as data,
        running_site(Path(data), workers=1, LIMITS="off") as site,
        sync_playwright() as driver,
    ):
        fill(site)
        browser = driver.chromium.launch(executable_path=chromium_binary(), args=ARGUMENTS.split())
        with ExitStack() as stack:
            for handle in PEOPLE:
                enter(stack.enter_context(somebody(browser, site, handle)))
            with somebody(browser, site, "ada") as page:
                enter(page)
                ada = page.context.storage_state()
            for size in SIZES:
                for scheme in SCHEMES:
                    take(browser, site, wanted.folder, size, scheme, ada)
        browser.close()
    if wanted.docs:
        for name, picture in SHOWN.items():
            shutil.copyfile(wanted.folder / f"{picture}.png", ROOT / "docs" / "images" / f"{name}.png")


if __name__ == "__main__":
    main()
