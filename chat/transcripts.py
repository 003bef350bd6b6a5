"""A room's conversation as a file: text, JSON, or a page.

It is written while it is read, so the largest room takes no more memory than a page of it, and nobody who is writing
waits. It ends with the message that was the last one when it began. Tombstones are left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chat import entrance, identity
from chat.admission import NotAdmitted
from chat.answers import refused
from chat.dialects import iso_time, line_fields
from chat.models import Message, Room
from chat.privacy import unlisted
from chat.protocol import Line, Refusal

#: Messages that are in memory at once.
PAGE = 200
#: Where the lines go in the template.
_LINES = "<!-- lines -->"


@unlisted
@require_safe
def transcript(request: HttpRequest, label: str, form: str) -> HttpResponseBase:
    try:
        room = entrance.look(label, identity.of_request(request))
    except NotAdmitted as not_now:
        return refused(request, not_now.refusal)
    if room is None:
        return refused(request, Refusal("no-room", _("There is no such room.")))
    content_type, write, is_page = FORMS[form]
    response = StreamingHttpResponse(_encoded(write(request, room)), content_type=content_type)
    if not is_page:
        response["Content-Disposition"] = f'attachment; filename="{room.label}.{form}"'
    return response


def lines(room: Room) -> Iterator[Line]:
    """Every message up to the last one of now, in order."""
    last = 0
    while True:
        page = Message.objects.filter(room_id=room.pk, seq__gt=last, seq__lte=room.last_seq)
        found = list(page.select_related("user").order_by("seq")[:PAGE])
        yield from (message.as_line() for message in found if not message.deleted)
        if len(found) < PAGE:
            return
        last = found[-1].seq


def _as_text(request: HttpRequest, room: Room) -> Iterator[str]:
    yield f"{room}\n{request.build_absolute_uri(room.get_absolute_url())}\n\n"
    for line in lines(room):
        body = line.body.replace("\n", "\n    ")
        yield f"[{line.at:%Y-%m-%d %H:%M} UTC] {line.handle}{' ✓' if line.user else ''}: {body}\n"


def _as_json(request: HttpRequest, room: Room) -> Iterator[str]:
    head = {"room": room.label, "name": str(room), "topic": room.topic, "seq": room.last_seq}
    yield json.dumps(head, ensure_ascii=False)[:-1] + ', "messages": ['
    for index, line in enumerate(lines(room)):
        yield (",\n" if index else "\n") + json.dumps(line_fields(line), ensure_ascii=False)
    yield "\n]}\n"


def _as_page(request: HttpRequest, room: Room) -> Iterator[str]:
    head, _mark, tail = render_to_string("chat/transcript.html", {"room": room}, request).partition(_LINES)
    yield head
    for line in lines(room):
        yield format_html(
            '<li id="m{seq}"><bdi class="handle">{handle}</bdi> <time datetime="{at}">{shown}</time> '
            '<p dir="auto">{body}</p></li>\n',
            seq=line.seq,
            handle=line.handle,
            at=iso_time(line.at),
            shown=f"{line.at:%Y-%m-%d %H:%M} UTC",
            body=line.body,
        )
    yield tail


Write = Callable[[HttpRequest, Room], Iterator[str]]

FORMS: dict[str, tuple[str, Write, bool]] = {
    "txt": ("text/plain; charset=utf-8", _as_text, False),
    "json": ("application/json", _as_json, False),
    "html": ("text/html; charset=utf-8", _as_page, True),
}


def _encoded(texts: Iterator[str]) -> Iterator[bytes]:
    """In parts of some kilobytes, not one for each message; in the language of the request, which is over by then."""
    language = get_language()
    gathered: list[str] = []
    size = 0
    with override(language):
        for text in texts:
            gathered.append(text)
            size += len(text)
            if size >= 16 * 1024:
                yield "".join(gathered).encode()
                gathered, size = [], 0
    yield "".join(gathered).encode()
