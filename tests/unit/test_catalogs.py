"""The translations: complete, compiled, and in use."""

from __future__ import annotations

import re

import pytest
from babel.messages.mofile import read_mo
from django.test import Client
from django.utils import translation

from chat.admission import slow_down
from project import catalogs
from switchboard.testing.client import WSClient
from tests.integration.chat.sockets import heard, hello

ALL = pytest.mark.parametrize("language", catalogs.LANGUAGES)


def texts(value: object) -> list[str]:
    return [value] if isinstance(value, str) else [str(one) for one in value]  # type: ignore[attr-defined]


@ALL
def test_a_catalog_has_what_the_sources_say_and_no_more(language: str) -> None:
    """If this fails: make messages."""
    wanted = {(message.id, message.context) for message in catalogs.messages(catalogs.collected())}
    there = {(message.id, message.context) for message in catalogs.messages(catalogs.read(language))}
    assert len(wanted) > 50 and there == wanted


@ALL
def test_nothing_is_left_to_be_translated(language: str) -> None:
    left = [m.id for m in catalogs.messages(catalogs.read(language)) if not catalogs.is_translated(m) or m.fuzzy]
    assert left == []


@ALL
def test_what_is_filled_in_is_the_same(language: str) -> None:
    for message in catalogs.messages(catalogs.read(language)):
        fields = {frozenset(re.findall(r"%\(\w+\)\w", text)) for text in texts(message.id) + texts(message.string)}
        assert len(fields) == 1, message.id


@ALL
def test_what_is_compiled_is_what_is_written(language: str) -> None:
    """If this fails: make messages."""
    path = catalogs.po_path(language)
    assert path.with_suffix(".mo").read_bytes() == catalogs.as_mo(catalogs.read(language))
    with path.with_suffix(".mo").open("rb") as file:
        compiled = [(texts(message.id), texts(message.string)) for message in catalogs.messages(read_mo(file))]
    written = [(texts(m.id), texts(m.string)) for m in catalogs.messages(catalogs.read(language))]
    assert sorted(compiled) == sorted(written)


def test_a_sentence_in_the_language_that_is_active() -> None:
    with translation.override("en"):
        assert [slow_down(wait).text for wait in (0.5, 2.2)] == [
            "Slow down: wait 1 second.",
            "Slow down: wait 3 seconds.",
        ]
    with translation.override("ko"):
        assert slow_down(2.2).text == "너무 빠릅니다. 3초만 기다려 주세요."


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("headers", "korean"),
    [
        ([(b"accept-language", b"ko-KR,ko;q=0.9,en;q=0.8")], True),
        ([(b"accept-language", b"en,ko;q=0.9")], False),
        ([(b"accept-language", b"xx, ko")], True),
        ([(b"cookie", b"django_language=ko"), (b"accept-language", b"en")], True),
        ([(b"accept-language", b"*")], False),
        ([], False),
    ],
)
def test_a_socket_is_answered_in_the_language_of_its_page(headers: list[tuple[bytes, bytes]], korean: bool) -> None:
    client = WSClient("/chat/tea/", subprotocols=("switchboard.v1",), headers=headers)
    accept = client.connect()
    assert accept is not None
    hello(client)
    client.text('{"t": "handle", "handle": "admin"}')
    sentences = [heard(client)[-1]["text"], accept["frames"]["failed"]]
    assert [any("가" <= char <= "힣" for char in sentence) for sentence in sentences] == [korean] * 2


@pytest.mark.django_db
def test_a_page_is_too(client: Client) -> None:
    html = client.get("/accounts/signup/", headers={"accept-language": "ko"}).content.decode()
    assert "가입하기" in html
