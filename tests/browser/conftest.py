"""A whole Switchboard of real processes, and a real Chromium to look at it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect, sync_playwright

from switchboard.testing.processes import ROOT, Daphne, PrivateRedis, Worker, project_environment
from tests.conftest import chromium_binary

#: No sandbox: containers have none, and it refuses to run as root. The rest keeps it from calling home.
ARGUMENTS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
#: Milliseconds for anything to show. Only a test that fails waits for so long.
PATIENCE_MS = 20_000

expect.set_options(timeout=PATIENCE_MS)


@dataclass
class Site:
    """One interface and two workers behind it."""

    interface: Daphne
    workers: list[Worker]
    settings: dict[str, str]
    redis_url: str

    @property
    def url(self) -> str:
        return self.interface.url

    def manage(self, *arguments: str, **settings: str) -> None:
        """Run a command of manage.py against this site's database."""
        environment = project_environment(self.redis_url, **self.settings, **settings)
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT, timeout=120)
        assert run.returncode == 0, run.stdout + run.stderr


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    settings = {"DATA_DIR": str(tmp_path_factory.mktemp("site"))}
    with ExitStack() as stack:
        redis = stack.enter_context(PrivateRedis())
        interface = Daphne(redis.url, **settings)
        workers = [Worker(redis.url, name=f"worker-{n}", **settings) for n in (1, 2)]
        site = Site(interface, workers, settings, redis.url)
        site.manage("migrate", "--verbosity", "0")
        site.manage("collectstatic", "--noinput", "--verbosity", "0")
        for process in (interface, *workers):
            stack.enter_context(process)
        yield site


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Not for the whole session: while Playwright runs, its loop is the thread's, and tests of asyncio need their own.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_binary(), args=ARGUMENTS.split())
        yield browser
        browser.close()


Somebody = Callable[..., Page]


@pytest.fixture
def somebody(browser: Browser, site: Site) -> Iterator[Somebody]:
    """Makes people: each call is a browser of its own, with the options of Playwright's `new_context`.

    The test fails if a page of theirs raised, logged an error or broke the content security policy.
    """
    faults: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # A socket that is refused is logged by the browser itself; tests stop servers on purpose.
        if message.type == "error" and "WebSocket connection" not in message.text:
            faults.append(message.text)

    def refuse(route: Route) -> None:
        faults.append(f"the page asked for {route.request.url}")
        route.abort()

    def arrive(**options: object) -> Page:
        context = browser.new_context(base_url=site.url, locale="en-US", **options)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        context.on("console", note)
        context.on("weberror", lambda error: faults.append(str(error.error)))
        context.route(lambda url: not url.startswith(site.url), refuse)
        stack.callback(context.close)
        return context.new_page()

    with ExitStack() as stack:
        yield arrive
    assert faults == []
