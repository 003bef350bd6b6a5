"""What a client gets when no worker answers its request: a status, one sentence, nothing of the application."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from switchboard.interface.wire import Scope

#: Seconds after which a client may try again when the workers have more to do than they may hold.
RETRY_AFTER: Final = 2

SENTENCES: Final = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "What you sent is larger than this site accepts.",
    HTTPStatus.BAD_GATEWAY: "The process that worked on this page has ended. It may have done what you asked for.",
    HTTPStatus.SERVICE_UNAVAILABLE: "This site has more to do than it can at the moment. Please try again.",
    HTTPStatus.GATEWAY_TIMEOUT: "This page took too long.",
}

_HTML: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<h1>{title}</h1>
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
    text = _HTML.format(title=title, sentence=SENTENCES[status]) if html else f"{title}: {SENTENCES[status]}\n"
    body = text.encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8" if html else b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
    ]
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append((b"retry-after", b"%d" % RETRY_AFTER))
    return Page(status.value, headers, body)
