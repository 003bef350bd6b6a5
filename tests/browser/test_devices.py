"""What a page is looked at with: a phone and its keyboard, a finger, a narrow window, large letters, eyes that motion
makes sick, and another language. Nothing is hidden, cut or left out."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from switchboard.testing.waiting import wait_until
from tests.browser.acts import a_room, enter, menu, say
from tests.browser.conftest import Somebody
from tests.browser.test_access import faults
from tests.browser.test_hostile import sticking_out
from tests.browser.tour import TUNNEL, arrive, tour, where_it_is_ten, write

pytestmark = [pytest.mark.chromium, pytest.mark.redis, pytest.mark.timeout(300)]

PHONE = {"viewport": {"width": 360, "height": 720}, "has_touch": True, "is_mobile": True}
#: Pixels of CSS to either side: what a finger has to hit at least (WCAG 2.2, 2.5.8), and with ease (2.5.5).
HIT, EASY = 24, 44

#: Notes what moves, frame by frame: animations and transitions that take time, and where the conversation stands.
MOTION = """
    window.moved = new Set();
    window.tops = [];
    (function look() {
      for (const each of document.getAnimations()) {
        const { target, pseudoElement } = each.effect;
        const name = each.animationName ?? each.transitionProperty;
        const taken = each.effect.getComputedTiming().duration;
        if (taken > 0) moved.add(`${name} of ${target.outerHTML.slice(0, 80)}${pseudoElement ?? ""} takes ${taken}`);
      }
      const top = document.getElementById("scroller")?.scrollTop;
      if (top !== tops.at(-1)) tops.push(top);
      requestAnimationFrame(look);
    })();
"""


def moved(page: Page) -> list[str]:
    """What moved since the page was opened, the last frame included."""
    return page.evaluate("() => new Promise((told) => requestAnimationFrame(() => told([...moved])))")  # type: ignore[no-any-return]


def test_who_wants_no_motion_gets_none(somebody: Somebody) -> None:
    page = somebody(reduced_motion="reduce")
    page.add_init_script(TUNNEL)
    page.add_init_script(MOTION)
    smooth = "[...document.all].filter((each) => getComputedStyle(each).scrollBehavior === 'smooth').length"
    for state in tour(page):
        assert page.evaluate(smooth) == 0, state
        for button in page.locator("button:visible, a.button:visible").all()[:2]:
            button.hover()
        assert moved(page) == [], state


def test_who_leads_to_the_end_is_there_at_once(somebody: Somebody) -> None:
    """However far it is: a conversation that rushes past makes some people sick, and all of them wait."""
    page = somebody(reduced_motion="reduce")
    page.add_init_script(MOTION)
    enter(page, a_room())
    for n in range(5):
        say(page, "\n".join(f"{n}.{line}" for line in range(20)))
    expect(page.locator("#log .line")).to_have_count(5)
    page.locator("#scroller").evaluate("each => { each.scrollTop = 0 }")
    pill = page.locator("#pill")
    expect(pill).to_be_visible()
    page.evaluate("() => new Promise((told) => requestAnimationFrame(() => { tops.length = 0; told() }))")
    pill.click()
    expect(page.get_by_text("4.19")).to_be_in_viewport()
    tops = page.evaluate("() => new Promise((told) => requestAnimationFrame(() => told(tops)))")
    assert len(tops) == 2 and tops[0] == 0 and tops[1] > 600, tops


def test_who_said_nothing_about_motion_gets_a_little(somebody: Somebody) -> None:
    page = somebody(reduced_motion="no-preference")
    enter(page, a_room())
    # By its events: a motion that is over before the next frame is seen in none.
    page.evaluate(
        """() => {
             window.begun = [];
             addEventListener("animationstart", ({ target }) => begun.push(target.className));
             addEventListener("transitionrun", ({ propertyName }) => begun.push(propertyName));
           }"""
    )
    menu(page)
    expect(page.locator("#menu .leaf")).to_be_visible()
    page.get_by_role("button", name="Lock: only you can write").hover()
    wait_until(lambda: {"leaf", "background-color"} <= set(page.evaluate("begun")))


def test_a_phones_keyboard_hides_neither_the_box_nor_the_end(somebody: Somebody) -> None:
    page = somebody(**PHONE)
    enter(page, a_room())
    # Without these the keyboard lies over the page, or nobody can enlarge it.
    meta = page.locator("meta[name=viewport]").get_attribute("content") or ""
    assert "interactive-widget=resizes-content" in meta and "user-scalable" not in meta and "maximum-scale" not in meta
    for n in range(20):
        say(page, f"line {n}")
    expect(page.locator("#log .line")).to_have_count(20)
    box, send = page.get_by_label("Message", exact=True), page.get_by_role("button", name="Send")
    assert box.get_attribute("enterkeyhint") == "send"
    assert page.get_by_label("You are").get_attribute("enterkeyhint") == "done"
    box.tap()
    expect(box).to_be_focused()
    # Where the keyboard resizes the content this is what the page sees of it.
    for height in (320, 260):
        page.set_viewport_size({"width": 360, "height": height})
        for each in (box, send, page.get_by_text("line 19", exact=True), page.locator("#name")):
            expect(each).to_be_in_viewport(ratio=1)
    # A text that grows takes from the conversation, whose end stays in sight.
    box.fill("\n".join("12345678"))
    for each in (send, page.get_by_text("line 19", exact=True)):
        expect(each).to_be_in_viewport(ratio=1)
    write(page, "the last")
    expect(page.get_by_text("the last", exact=True)).to_be_in_viewport(ratio=1)
    page.set_viewport_size({"width": 360, "height": 720})
    expect(page.get_by_text("the last", exact=True)).to_be_in_viewport(ratio=1)


#: What is in sight and smaller than a finger needs, but for parts of a sentence and what is far enough from all others:
#: a circle around its middle meets no other target, nor the circle of another small one. What has a label is as large
#: as that.
TOO_SMALL = """(size) => {
    const all = [...document.querySelectorAll("a[href], button, input, textarea, select, summary")]
        .map((each) => each.closest("label") ?? each);
    const targets = [...new Set(all)].map((each) => {
        const { left, right, top, bottom, width, height } = each.getBoundingClientRect();
        const [x, y] = [left + width / 2, top + height / 2];
        const seen = width > 1 && height > 1 && each.contains(document.elementFromPoint(x, y));
        return { each, left, right, top, bottom, x, y, seen, small: Math.min(width, height) < size - 0.01 };
    }).filter(({ seen }) => seen);
    const meet = (one, other) => {
        if (other.small) return Math.hypot(one.x - other.x, one.y - other.y) < size;
        const beside = Math.max(other.left - one.x, 0, one.x - other.right);
        const above = Math.max(other.top - one.y, 0, one.y - other.bottom);
        return Math.hypot(beside, above) < size / 2;
    };
    return targets
        .filter(({ each, small }) => small && getComputedStyle(each).display !== "inline")
        .filter((one) => targets.some((other) => other !== one && meet(one, other)))
        .map(({ each, left, top }) => `at ${left}, ${top}: ${each.outerHTML.slice(0, 200)}`);
}"""


#: What is used most, where it can be seen.
MAIN = "#send, .brand, .tool, #copy, #give, #older, #try-now, .tools button, main form button, .begin, #pill"


def test_a_finger_hits_what_it_is_meant_to(somebody: Somebody) -> None:
    page = somebody(**PHONE)
    page.add_init_script(TUNNEL)
    measured = 0
    for state in tour(page):
        assert page.evaluate(TOO_SMALL, HIT) == [], state
        for each in page.locator(MAIN).filter(visible=True).all():
            box = each.bounding_box()
            assert box is not None and min(box["height"], box["width"]) >= EASY, (state, each.inner_html(), box)
            measured += 1
    assert measured > 40


#: What has to be in sight in a room, whatever else is: what is written, the way to send it, and the ways out of here.
ALWAYS = ("#body", "#send", "#menu > summary", "#name")


@pytest.mark.parametrize(
    ("width", "height", "letters"),
    [(320, 568, 100), (320, 256, 100), (360, 720, 200), (640, 360, 100), (1280, 800, 200)],
    ids=["320", "1280 at 400 %", "a phone with large letters", "a phone that lies", "large letters"],
)
def test_nothing_has_to_be_scrolled_sideways(somebody: Somebody, width: int, height: int, letters: int) -> None:
    """Narrow, zoomed to four times (WCAG 1.4.10), and with letters of twice the size (1.4.4)."""
    page = somebody(viewport={"width": width, "height": height}, timezone_id=where_it_is_ten())
    page.add_init_script(TUNNEL)
    # As the browser's own setting does, which cannot be reached from here.
    page.add_init_script(
        f"addEventListener('DOMContentLoaded', () => {{ document.documentElement.style.fontSize = '{letters}%' }})"
    )
    for state in tour(page):
        assert sticking_out(page) == [], state
        if page.locator("#composer").count() == 0:
            continue
        for each in ALWAYS:
            expect(page.locator(each), state).to_be_in_viewport(ratio=0.99)
        if state == "a busy room":
            expect(page.locator("#log .said").last).to_be_in_viewport()
            # More than a slit is left to read in.
            room = page.locator("#scroller").bounding_box()
            assert room is not None and room["height"] >= 3 * 24 * letters / 100, room


#: What is the same in every language: addresses, formats, a key, and the names that were made up for people.
NO_LANGUAGE = re.compile(r"https?://\S+|Switchboard|JSON|\bTab(?![A-Za-z])|\{\w+\}|icy-cloud-k7w2mq")


def english(*texts: str) -> list[str]:
    return [word for text in texts for word in re.findall(r"[A-Za-z]{2,}", NO_LANGUAGE.sub("", text))]


#: What people wrote is theirs, in whatever language.
SHOWN = """() => {
    const theirs = document.querySelectorAll(".said, .seal, .handle, .link, #name, .typing");
    for (const each of theirs) each.dataset.theirs = "";
    const texts = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const parent = walk.currentNode.parentElement;
        if (parent.closest("script, noscript, [data-theirs], [hidden]")) continue;
        if (walk.currentNode.data.trim()) texts.push(walk.currentNode.data.trim());
    }
    const named = ["aria-label", "title", "placeholder", "alt"];
    for (const each of document.querySelectorAll(named.map((name) => `body [${name}]`).join()))
        if (!each.closest(".handle, #name")) texts.push(...named.map((name) => each.getAttribute(name) ?? ""));
    return texts;
}"""


@pytest.mark.parametrize("width", [320, 1280])
def test_in_korean_nothing_is_left_in_english(somebody: Somebody, width: int) -> None:
    page = somebody(locale="ko-KR", viewport={"width": width, "height": 720}, timezone_id=where_it_is_ten())
    page.add_init_script(TUNNEL)
    seen = set[str]()
    for state in tour(page):
        assert page.locator("html").get_attribute("lang") == "ko", state
        texts = page.evaluate(SHOWN)
        assert english(*texts, re.sub(r"^\S+ · ", "", page.title())) == [], state
        assert sticking_out(page) == [], state
        assert faults(page) == [], state
        seen.update(texts)
    assert len(seen) > 100
    arrive(page, a_room())
    words = page.evaluate("Object.values(JSON.parse(document.getElementById('words').textContent))")
    sentences = [form for word in words for form in ([word] if isinstance(word, str) else word.values())]
    assert len(sentences) > 50 and english(*sentences) == []
