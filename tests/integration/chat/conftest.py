from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from channels.layers import channel_layers

from chat import broadcast, identity


def visitor(name: str) -> list[tuple[bytes, bytes]]:
    """The headers by which a browser is known that has been here before."""
    return [(b"cookie", f"{identity.COOKIE}={visitor_cookie(name)}".encode())]


def visitor_cookie(name: str) -> str:
    return identity.signer().sign(name)


class Heard:
    """What the groups were sent, in the place of a channel layer."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.seqs: list[tuple[str, int]] = []

    def group(self, name: str) -> Heard.Group:
        return Heard.Group(self, name)

    def of(self, group: str) -> list[dict[str, object]]:
        return [json.loads(text) for name, text in self.sent if name == group]

    def numbers(self, group: str) -> list[int]:
        return [seq for name, seq in self.seqs if name == group]

    class Group:
        def __init__(self, heard: Heard, name: str) -> None:
            self.heard, self.name = heard, name

        def send(self, content: dict[str, str], *, seq: int | None = None) -> None:
            self.heard.sent.append((self.name, content["text"]))
            if seq is not None:
                self.heard.seqs.append((self.name, seq))


@pytest.fixture
def own_layer() -> Iterator[None]:
    """A layer in memory on which nothing lies."""
    channel_layers.backends.clear()
    yield
    channel_layers.backends.clear()


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    heard = Heard()
    monkeypatch.setattr(broadcast, "Group", heard.group)
    return heard
