"""For everybody: axe finds nothing serious on any page in either scheme, and the pages weigh little."""

from __future__ import annotations

import gzip
import re
import urllib.request
from http import HTTPStatus
from urllib.parse import urljoin

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.template.loader import render_to_string
from playwright.sync_api import Page, expect

from switchboard.interface.pages import page as no_worker
from switchboard.interface.wire import Scope
from tests.browser.acts import a_room, enter, expect_bodies, menu, say
from tests.browser.conftest import Somebody
from tests.browser.tour import TUNNEL, tour
from tests.site import Site

pytestmark = [pytest.mark.chromium, pytest.mark.redis, pytest.mark.timeout(300)]

#: Bytes of page, style and scripts together, as they are sent.
WEIGHT = 40 * 1024


def faults(page: Page) -> list[str]:
    """What axe finds serious, each with the element. What is half transparent while it comes is not judged."""
    page.evaluate("() => Promise.allSettled(document.getAnimations().map((each) => each.finished))")
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{each['id']}: {node['html'][:200]} {node['any'][0]['message'] if node['any'] else ''}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_every_page_in_every_state(somebody: Somebody, scheme: str, width: int) -> None:
    page = somebody(color_scheme=scheme, viewport={"width": width, "height": 800})
    page.add_init_script(TUNNEL)
    for state in tour(page):
        assert faults(page) == [], state


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["500.html", "chat/refused.html", "no worker"])
def test_the_pages_of_bad_days(somebody: Somebody, site: Site, scheme: str, name: str) -> None:
    """As they are written: what leads to them is not made to happen here."""
    page = somebody(color_scheme=scheme, viewport={"width": 360, "height": 800})
    page.goto("/nowhere")
    sheets = "".join(page.locator("link[rel=stylesheet]").evaluate_all("all => all.map((each) => each.outerHTML)"))
    if name == "no worker":
        scope: Scope = {"headers": [(b"accept", b"text/html")]}
        html = no_worker(HTTPStatus.BAD_GATEWAY, scope).body.decode()
    else:
        context = {"refusal": {"text": "No."}, "back": "/chat/tea/", "written": "dear text"}
        html = re.sub(r"<link rel=.stylesheet.*?>", "", render_to_string(name, context))
        html = html.replace("</head>", f"{sheets}</head>")
    page.set_content(re.sub(r"<script.*?</script>", "", html))
    ink = page.evaluate("getComputedStyle(document.body).color.match(/[\\d.]+/g).slice(0, 3).map(Number)")
    assert (sum(ink) > 384) is (scheme == "dark")
    assert page.locator("h1").is_visible() and faults(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_room_in_the_dark(somebody: Somebody, site: Site, scheme: str) -> None:
    page = enter(somebody(color_scheme=scheme), a_room())
    site.interface.kill()
    try:
        expect(page.get_by_role("status")).to_contain_text("You can keep typing")
        say(page, "in the dark")
        expect(page.locator("#pending .note")).to_have_text("Sending…")
        assert faults(page) == []
    finally:
        site.interface.start()


def test_every_colour_of_a_name_can_be_read(somebody: Somebody) -> None:
    """The eight hues, as text and as seals, on each ground they stand on, in both schemes."""
    for scheme in ("light", "dark"):
        page = enter(somebody(color_scheme=scheme), a_room())
        ratios = page.evaluate(
            """() => {
                 const probe = document.body.appendChild(document.createElement("i"));
                 const rgb = (token) => {
                   probe.style.color = `var(${token})`;
                   return getComputedStyle(probe).color.match(/[\\d.]+/g).slice(0, 3).map(Number);
                 };
                 const light = (token) => rgb(token)
                   .map((part) => part / 255)
                   .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
                   .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
                 const ratio = (a, b) => {
                   const [dark, bright] = [light(a), light(b)].sort((one, other) => one - other);
                   return [`${a} on ${b}`, (bright + 0.05) / (dark + 0.05)];
                 };
                 const hues = Array.from({ length: 8 }, (_, n) => `--hue-${n}`);
                 const texts = [...hues, "--ink", "--faint", "--wrong", "--wait", "--well"];
                 const grounds = ["--paper", "--sheet", "--wash"];
                 return [
                   ...texts.flatMap((text) => grounds.map((ground) => ratio(text, ground))),
                   ...hues.map((hue) => ratio("--on-ink", hue)),
                 ];
               }"""
        )
        assert [pair for pair in ratios if pair[1] < 4.5] == []


def test_light_and_dark_by_choice(somebody: Somebody) -> None:
    """For the next page too; and as the system has it where nothing was chosen."""
    page = somebody(color_scheme="light")
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    page.goto("/")
    light = page.evaluate(paper)
    page.get_by_text("Dark", exact=True).click()
    dark = page.evaluate(paper)
    assert dark != light
    enter(page, a_room())
    assert page.evaluate(paper) == dark
    menu(page)
    page.get_by_text("Auto", exact=True).click()
    assert page.evaluate(paper) == light
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(paper) == dark


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_focus_can_be_seen_wherever_tab_leads(somebody: Somebody, scheme: str) -> None:
    """An outline of two pixels that stands out from its ground, on every stop of every page."""
    page = somebody(color_scheme=scheme)
    unseen = """() => {
        const stop = document.activeElement;
        const shown = stop.matches("input[type=radio]") ? stop.nextElementSibling : stop;
        const style = getComputedStyle(shown);
        const seen = style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 2 && shown.checkVisibility();
        return seen || stop === document.body ? null : stop.outerHTML.slice(0, 200);
    }"""
    room = a_room()
    say(enter(page, room), "see https://example.com\n```\ncode\n```", handle="ada")
    expect_bodies(page, "see https://example.com\ncode")
    for path in ("/", "/accounts/login/", "/accounts/signup/", "/nowhere", room):
        page.goto(path)
        if path == room:
            expect(page.get_by_role("status")).to_have_text("Connected")
            menu(page)
        stops = set[str]()
        for _ in range(40):
            page.keyboard.press("Tab")
            assert page.evaluate(unseen) is None, path
            stops.add(page.evaluate("document.activeElement.outerHTML.slice(0, 80)"))
        assert len(stops) > 3, path


def sent(url: str) -> tuple[int, str]:
    """The bytes of a response's body as they travel, and its text."""
    request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=20) as response:
        body: bytes = response.read()
        packed = response.headers.get("Content-Encoding") == "gzip"
    return len(body), (gzip.decompress(body) if packed else body).decode()


def test_a_room_weighs_little(site: Site) -> None:
    page = f"{site.url}/chat/icy-cloud-k7w2mq/"
    total, html = sent(page)
    waiting = [urljoin(page, path) for path in re.findall(r'(?:src|href)="(/static/[^"]+\.(?:js|css))"', html)]
    seen = set[str]()
    while waiting:
        url = waiting.pop()
        if url in seen:
            continue
        seen.add(url)
        weight, text = sent(url)
        total += weight
        if url.endswith(".js"):
            waiting += [urljoin(url, path) for path in re.findall(r'from\s+"(\.[^"]+)"', text)]
    assert len(seen) > 20
    print(f"a room's page: {total} bytes in {len(seen)} files and the page")
    assert total <= WEIGHT


def test_the_first_message_needs_no_script(somebody: Somebody) -> None:
    room = a_room()
    say(enter(somebody(), room), "seen at once")
    expect_bodies(enter(somebody(), room), "seen at once")
    plain = somebody(java_script_enabled=False)
    plain.goto(room)
    expect(plain.get_by_text("seen at once")).to_be_in_viewport()
