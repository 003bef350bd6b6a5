"""How a form or the API answers: a page for people, JSON for programs, as the request's ``Accept`` prefers.

What goes wrong is ``{"error": {"code", "text"}}`` with the codes of the sockets' nacks.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from chat.protocol import Refusal

#: What is not here is 400: the request itself is wrong.
STATUS: Mapping[str, int] = {
    "banned": 403,
    "conflict": 409,
    "forbidden": 403,
    "locked": 403,
    "muted": 403,
    "no-room": 404,
    "no-such": 404,
    "reserved": 409,
    "slow-down": 429,
    "taken": 409,
    "too-big": 413,
}


def wants_json(request: HttpRequest) -> bool:
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def status_of(refusal: Refusal) -> int:
    return STATUS.get(refusal.code, 400)


def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """Why not, as a page or as JSON."""
    if wants_json(request):
        return refused_json(refusal)
    context = {"refusal": refusal}
    return with_wait(render(request, "chat/refused.html", context, status=status_of(refusal)), refusal)


def refused_json(refusal: Refusal) -> HttpResponse:
    wait = {"wait": refusal.whole_wait} if refusal.wait else {}
    error = {"code": refusal.code, "text": refusal.text, **wait}
    return with_wait(JsonResponse({"error": error}, status=status_of(refusal)), refusal)


def with_wait(response: HttpResponse, refusal: Refusal) -> HttpResponse:
    if refusal.wait:
        response["Retry-After"] = str(refusal.whole_wait)
    return response
