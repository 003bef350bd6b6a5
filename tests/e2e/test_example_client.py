"""The client of thirty lines in `examples/`, against real processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

import pytest

from project.environment import ROOT
from tests.site import running_site

pytestmark = [pytest.mark.redis, pytest.mark.timeout(300)]

CLIENT = ROOT / "examples" / "client.py"


class Talker:
    """Somebody at a terminal with the example client."""

    def __init__(self, address: str, handle: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(CLIENT), address, handle], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.shown: Queue[str] = Queue()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.shown.put(line.rstrip("\n"))

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def sees(self, *lines: str) -> None:
        """These are the next lines."""
        assert [self.shown.get(timeout=30) for _ in lines] == list(lines)

    def sees_no_more(self) -> None:
        with pytest.raises(Empty):
            self.shown.get_nowait()

    def end(self) -> None:
        self.process.kill()
        self._reader.join()  # who reads a pipe that somebody else closes fails
        with self.process:  # closes the pipes
            pass


@pytest.fixture
def talkers() -> Iterator[list[Talker]]:
    started: list[Talker] = []
    yield started
    for talker in started:
        talker.end()


def test_two_talk_while_the_interface_is_killed(tmp_path: Path, talkers: list[Talker]) -> None:
    with running_site(tmp_path, workers=1) as site:
        address = f"{site.websocket_url}/chat/tea/"
        ada = Talker(address, "ada")
        talkers.append(ada)
        ada.say("before anybody else")
        ada.sees("ada: before anybody else")
        bob = Talker(address, "bob")
        talkers.append(bob)
        bob.sees("ada: before anybody else")
        bob.say("hi")
        for talker in talkers:
            talker.sees("bob: hi")
        site.interface.kill()
        ada.say("into the silence")
        site.interface.start()
        for talker in talkers:
            talker.sees("ada: into the silence")
        bob.say("still here")
        for talker in talkers:
            talker.sees("bob: still here")
            talker.sees_no_more()


def test_it_is_thirty_lines() -> None:
    assert len([line for line in CLIENT.read_text().splitlines() if line.strip()]) <= 30
