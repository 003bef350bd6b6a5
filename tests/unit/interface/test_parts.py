"""The small parts: groups, responses, beats, Origin."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest

from switchboard.interface import languages
from switchboard.interface.exchange import Part, read_part
from switchboard.interface.members import Members
from switchboard.interface.origin import OriginCheck
from switchboard.interface.pages import page


def test_members_of_groups() -> None:
    members = Members()
    members.join("a", "x")
    members.join("a", "y")
    members.join("a", "x")
    members.join("b", "x")

    assert members.of("a") == ("x", "y")
    assert sorted(members.groups_of("x")) == ["a", "b"]
    members.leave("a", "x")
    members.leave("b", "x")
    assert members.groups_of("x") == ()
    assert members.of("a") == ("y",)
    assert "b" not in members
    members.leave("a", "y")
    members.leave("a", "y")
    assert len(members) == 0


def test_a_part_of_a_response() -> None:
    first = {"status": 200, "headers": [[b"a", b"1"], ["a", "ä"]], "content": b"x", "more_content": True, "report": 1}

    assert read_part(first) == Part(b"x", True, 200, ((b"a", b"1"), (b"a", b"\xe4")), 1)
    assert read_part({"content": "ä"}) == Part("ä".encode(), False)
    assert read_part({}) == Part(b"", False)


@pytest.mark.parametrize(
    "content",
    [
        {"status": "200"},
        {"status": 42},
        {"content": 1},
        {"headers": ["a"]},
        {"headers": [[1, b"x"]]},
        {"headers": [[b"location", b"/\r\nset-cookie: a=1"]]},
        {"report": "all"},
    ],
)
def test_what_is_no_part_of_a_response(content: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        read_part(content)


@pytest.mark.parametrize(
    ("origins", "allowed"),
    [
        ([b"https://chat.example"], True),
        ([b"http://chat.example:8000"], True),
        ([b"https://a.friends.example"], True),
        ([b"https://evil.example"], False),
        ([b"https://chat.example.evil.example"], False),
        ([b"null"], False),
        ([b""], False),
        ([b"http://["], False),
        ([b"https://chat.example", b"https://evil.example"], False),
    ],
)
def test_origins(settings: Any, origins: list[bytes], allowed: bool) -> None:
    settings.ALLOWED_HOSTS = ["chat.example", ".friends.example"]
    headers = [(b"host", b"chat.example"), *((b"origin", origin) for origin in origins)]

    assert OriginCheck(allow_missing=True).allows(headers) is allowed


@pytest.mark.parametrize("allow_missing", [True, False])
def test_no_origin(allow_missing: bool) -> None:
    assert OriginCheck(allow_missing=allow_missing).allows([]) is allow_missing


def test_pages_are_what_the_client_reads() -> None:
    plain = page(HTTPStatus.SERVICE_UNAVAILABLE, {"headers": [(b"accept", b"*/*")]})
    html = page(HTTPStatus.BAD_GATEWAY, {"headers": [(b"accept", b"text/html,*/*")]})

    assert plain.status == 503 and dict(plain.headers)[b"retry-after"].isdigit()
    assert plain.body.startswith(b"503 Service Unavailable: ")
    assert html.body.startswith(b"<!doctype html>") and b"502 Bad Gateway" in html.body


@pytest.mark.parametrize(
    ("accepted", "language", "sentence"),
    [
        (b"ko-KR,en;q=0.8", "ko", "시간이 너무 오래 걸렸습니다."),
        (b"de-AT,en;q=0.5,ko;q=0.4", "en", "This page took too long."),
        (b"de, *;q=0.5", "en", "This page took too long."),
        (b"\xff;q=x", "en", "This page took too long."),
        (None, "en", "This page took too long."),
    ],
)
def test_pages_speak_the_client_s_language(accepted: bytes | None, language: str, sentence: str) -> None:
    said = [] if accepted is None else [(b"accept-language", accepted)]
    html = page(HTTPStatus.GATEWAY_TIMEOUT, {"headers": [(b"accept", b"text/html"), *said]})
    plain = page(HTTPStatus.GATEWAY_TIMEOUT, {"headers": said})

    assert f'<html lang="{language}">' in html.body.decode() and sentence in html.body.decode()
    assert sentence in plain.body.decode() and plain.body.startswith(b"504 Gateway Timeout: ")
    for each in (html, plain):
        assert dict(each.headers)[b"content-language"] == language.encode()
        assert int(dict(each.headers)[b"content-length"]) == len(each.body)


def test_a_project_without_catalogs_speaks_english(settings: Any) -> None:
    settings.LANGUAGES, settings.LOCALE_PATHS = [("ko", "Korean")], ["/nowhere"]
    languages._catalog.cache_clear()
    try:
        html = page(HTTPStatus.GATEWAY_TIMEOUT, {"headers": [(b"accept-language", b"ko")]})
    finally:
        languages._catalog.cache_clear()
    assert b"This page took too long." in html.body
