"""A whole Switchboard of real processes, and a real Chromium to look at it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect, sync_playwright

from tests.browser.tour import where_it_is_ten
from tests.conftest import chromium_binary
from tests.site import Site, running_site

#: No sandbox: containers have none, and it refuses to run as root. The rest keeps it from calling home.
ARGUMENTS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
#: What the browser itself logs of a server that is gone before, while or after it answers: tests stop servers on
#: purpose. The names are those of Chromium's `net/base/net_error_list.h`.
GONE = re.compile(
    "WebSocket connection|net::ERR_(CONNECTION_|SOCKET_NOT_CONNECTED|EMPTY_RESPONSE|RESPONSE_HEADERS_TRUNCATED|"
    "CONTENT_LENGTH_MISMATCH|INCOMPLETE_CHUNKED_ENCODING)"
)
#: Milliseconds for anything to show. Only a test that fails waits for so long. A page that lost its server waits up to
#: 15 s before it tries again, and a busy machine has needed 20 s for the page of a room with ten thousand messages.
PATIENCE_MS = 60_000

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One interface and two workers behind it."""
    with running_site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Not for the whole session: while Playwright runs, its loop is the thread's, and tests of asyncio need their own.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_binary(), args=ARGUMENTS.split())
        yield browser
        browser.close()


#: For a page's `add_init_script`: `wires` are the sockets that it opened, `sent` and `heard` the frames on them.
WATCHED = """
    window.wires = [];
    window.sent = [];
    window.heard = [];
    window.WebSocket = class extends WebSocket {
      constructor(...how) {
        super(...how);
        wires.push(this);
        this.addEventListener("message", ({ data }) => heard.push(JSON.parse(data)));
      }
      send(text) {
        sent.push(JSON.parse(text));
        super.send(text);
      }
    };
"""

Somebody = Callable[..., Page]


@pytest.fixture
def somebody(browser: Browser, site: Site) -> Iterator[Somebody]:
    """Makes people: each call is a browser of its own, with the options of Playwright's `new_context`.

    The interface runs, whatever the test before did to it. The test fails if a page of theirs raised, logged an error,
    or broke the content security policy.
    """
    if not site.interface.running:
        site.interface.start()
    faults: list[str] = []

    def note(message: ConsoleMessage) -> None:
        gone = GONE.search(message.text)
        # So does it with a page whose status says that something was wrong, though the page is what was wanted.
        answer = message.page is not None and message.location["url"] == message.page.url
        if message.type == "error" and not gone and not answer:
            faults.append(message.text)

    def refuse(route: Route) -> None:
        faults.append(f"the page asked for {route.request.url}")
        route.abort()

    # No day begins there while a test looks.
    usual = {"locale": "en-US", "timezone_id": where_it_is_ten()}

    def arrive(**options: object) -> Page:
        context = browser.new_context(base_url=site.url, **{**usual, **options})  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        context.on("console", note)
        context.on("weberror", lambda error: faults.append(str(error.error)))
        context.route(lambda url: not url.startswith(site.url), refuse)
        stack.callback(context.close)
        return context.new_page()

    with ExitStack() as stack:
        yield arrive
    assert faults == []
