"""The whole promise at once: one command, two people who talk, one who comes late, an operator who looks, one end."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.conftest import ARGUMENTS
from tests.conftest import chromium_binary
from tests.e2e.running import processes, running

pytestmark = [pytest.mark.redis, pytest.mark.chromium, pytest.mark.timeout(300)]

#: Milliseconds; spent only where something does not come.
PATIENCE_MS = 30_000


def say(page: Page, handle: str, message: str) -> None:
    page.get_by_label("You are").fill(handle)
    page.get_by_label("Message", exact=True).fill(message)
    page.get_by_label("Message", exact=True).press("Enter")


def expect_said(page: Page, *messages: str) -> None:
    expect(page.locator("#log .line .said")).to_have_text(list(messages), use_inner_text=True, timeout=PATIENCE_MS)


def test_from_make_run_to_ctrl_c(checkout: Path, environment: dict[str, str]) -> None:
    with running(checkout, environment) as terminal, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_binary(), args=ARGUMENTS.split())
        ada, bob, late = (browser.new_context(locale="en-US").new_page() for _ in range(3))

        ada.goto(f"http://127.0.0.1:{environment['PORT']}/")
        ada.get_by_role("link", name="Create new chat room").click()
        ada.wait_for_url("**/chat/*/")
        bob.goto(ada.url)
        for page in (ada, bob):
            expect(page.get_by_role("status")).to_have_text("Connected", timeout=PATIENCE_MS)
        say(ada, "ada", "Is anybody there?")
        expect_said(bob, "Is anybody there?")
        say(bob, "bob", "I am.")
        expect_said(ada, "Is anybody there?", "I am.")

        late.goto(ada.url)
        expect_said(late, "Is anybody there?", "I am.")

        assert set(processes(checkout)) == {"redis", "interface:interface_00", "worker:worker_00", "worker:worker_01"}
        browser.close()
        terminal.family()
        terminal.press("\x03")
        terminal.wait_until_gone(timeout=120)
