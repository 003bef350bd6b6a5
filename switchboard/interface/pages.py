"""What a client gets when no worker answers its request: a status, one sentence in its language, nothing of the
application."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from switchboard.interface.languages import language_of, translated
from switchboard.interface.wire import Scope


def _(sentence: str) -> str:
    """Marks it for the catalogs. Django's own mark asks for the settings, and there may be none yet."""
    return sentence


#: Seconds after which a client may try again when the workers have more to do than they may hold.
RETRY_AFTER: Final = 2

SENTENCES: Final = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: _("What you sent is larger than this site accepts."),
    HTTPStatus.BAD_GATEWAY: _("The process that worked on this page has ended. It may have done what you asked for."),
    HTTPStatus.SERVICE_UNAVAILABLE: _("This site has more to do than it can at the moment. Please try again."),
    HTTPStatus.GATEWAY_TIMEOUT: _("This page took too long."),
}

_HTML: Final = """\
<!doctype html>
<html lang="{language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<h1 lang="en">{title}</h1>
<p>{sentence}</p>
</html>
"""


@dataclass(frozen=True, slots=True)
class Page:
    """A whole response."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def page(status: HTTPStatus, scope: Scope) -> Page:
    """The response with ``status``: HTML for a browser, plain text for anybody else."""
    html = any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])
    title = f"{status.value} {status.phrase}"
    language = language_of(scope)
    sentence = translated(SENTENCES[status], language)
    text = _HTML.format(language=language, title=title, sentence=sentence) if html else f"{title}: {sentence}\n"
    body = text.encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8" if html else b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        (b"content-language", language.encode()),
        (b"cache-control", b"no-store"),
    ]
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append((b"retry-after", b"%d" % RETRY_AFTER))
    return Page(status.value, headers, body)
