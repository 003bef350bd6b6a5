"""Rooms for programs without a socket: ``/api/rooms/<label>/messages``.

GET reads, POST writes, by the same door and under the same limits as everybody. A POST with the same ``cid`` may be
repeated as often as it takes. Whoever comes with cookies is a browser and has to bring the CSRF token; whoever comes
without is known by nothing but the address.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from chat import entrance, identity, labels, services
from chat.admission import NotAdmitted
from chat.answers import refused_json
from chat.dialects import line_fields
from chat.privacy import unlisted
from chat.protocol import FRAME_LIMIT, SEQ_LIMIT, Post, Refusal, read_object, read_post
from chat.views import say

DEFAULT_LIMIT = 50
LIMIT = 200


@unlisted
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def messages(request: HttpRequest, label: str) -> HttpResponse:
    if not labels.is_label(label):
        return refused_json(_no_room())
    try:
        return _write(request, label) if request.method == "POST" else _read(request, label)
    except NotAdmitted as refused:
        return refused_json(refused.refusal)


def _read(request: HttpRequest, label: str) -> HttpResponse:
    """The messages after a number, before one, or the last ones; the oldest first, tombstones included."""
    room = entrance.look(label, identity.of_request(request))
    if room is None:
        return refused_json(_no_room())
    limit = min(_number(request, "limit") or DEFAULT_LIMIT, LIMIT)
    after, before = _number(request, "after"), _number(request, "before")
    if after is not None:
        found = services.after(label, after, limit=limit).messages
    else:
        found = services.before(label, SEQ_LIMIT if before is None else before, limit=limit)
    lines = [line_fields(message.as_line()) for message in found]
    return JsonResponse({"room": label, "seq": room.last_seq, "messages": lines})


def _write(request: HttpRequest, label: str) -> HttpResponse:
    if request.COOKIES and (reason := _forged(request)):
        return refused_json(Refusal("forbidden", reason))
    said = _said(request)
    if isinstance(said, Refusal):
        return refused_json(said)
    posted = say(label, identity.of_request(request), said)
    return JsonResponse(line_fields(posted.message.as_line()), status=200 if posted.duplicate else 201)


def _said(request: HttpRequest) -> Post | Refusal:
    if int(request.META.get("CONTENT_LENGTH") or 0) > FRAME_LIMIT:
        return Refusal("too-big", _("A frame may have at most %(limit)d bytes of UTF-8.") % {"limit": FRAME_LIMIT})
    try:
        content = read_object(request.body.decode())
    except UnicodeDecodeError:
        return Refusal("not-json", _("The frame is not JSON."))
    if isinstance(content, Refusal):
        return content
    if content.get("cid") is None:
        return Refusal("bad-cid", _("A message needs a “cid”: an id of your own, by which it is acknowledged."))
    return read_post(content.get("handle"), content.get("body"), content["cid"])


def _number(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and int(text[:20]) <= SEQ_LIMIT and len(text) <= 20):
        raise NotAdmitted(Refusal("bad-number", _("“%(name)s” has to be a number.") % {"name": name}))
    return int(text)


class _Csrf(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


def _forged(request: HttpRequest) -> str | None:
    """Why this may be another site's request that a browser sent with our cookies, if it may."""
    check = _Csrf(lambda request: HttpResponse())
    check.process_request(request)
    reason: Any = check.process_view(request, None, (), {})  # type: ignore[arg-type]
    return str(reason) if reason else None


def _no_room() -> Refusal:
    return Refusal("no-room", _("There is no such room."))
