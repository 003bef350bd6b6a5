"""The forms of a room for whoever holds its keys, and that of the owner's link. All of them POST; GET changes nothing.

They answer with the room's page again, or with JSON where that is preferred.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chat import company, entrance, identity, limits, moderation, people
from chat.admission import NotAdmitted
from chat.answers import refused, wants_json
from chat.handles import BadHandle
from chat.models import Room
from chat.naming import take_handle
from chat.privacy import unlisted
from chat.protocol import Refusal

Args = ParamSpec("Args")
Action = Callable[Concatenate[HttpRequest, Room, Args], "HttpResponse | None"]


def _for_owners(action: Action[[]]) -> Callable[[HttpRequest, str], HttpResponse]:
    """A form of somebody with the keys. What the action returns is a refusal."""

    @unlisted
    @require_POST
    @functools.wraps(action)
    def view(request: HttpRequest, label: str) -> HttpResponse:
        room = _held(request, label)
        if isinstance(room, Refusal):
            return refused(request, room)
        return action(request, room) or _done(request, label)

    return view


def _held(request: HttpRequest, label: str) -> Room | Refusal:
    """The room, if it is there and they hold its keys."""
    who = identity.recognise(request)
    room = Room.objects.filter(label=label).first()
    if room is None:
        return _no_room()
    if not moderation.may_moderate(entrance.member_of(room, who), request.user):
        return Refusal("forbidden", _("Only who holds this room's keys can do that."))
    return room


@_for_owners
def topic(request: HttpRequest, room: Room) -> HttpResponse | None:
    try:
        moderation.set_topic(room, request.POST.get("topic", ""))
    except ValidationError as wrong:
        return refused(request, Refusal("bad-topic", str(wrong.message)))
    return None


@_for_owners
def lock(request: HttpRequest, room: Room) -> HttpResponse | None:
    moderation.set_locked(room, _is_on(request, "locked"))
    return None


@_for_owners
def mute(request: HttpRequest, room: Room) -> HttpResponse | None:
    if moderation.mute(room, request.POST.get("person", ""), _is_on(request, "muted")):
        return None
    return refused(request, Refusal("no-such", _("There is nobody here who could be muted by that.")))


@unlisted
@require_safe
def muted(request: HttpRequest, label: str) -> HttpResponse:
    """Who may not write."""
    room = _held(request, label)
    return refused(request, room) if isinstance(room, Refusal) else JsonResponse({"muted": moderation.muted(room)})


@_for_owners
def delete(request: HttpRequest, room: Room) -> HttpResponse | None:
    seq = request.POST.get("seq", "")
    if seq.isascii() and seq.isdigit() and len(seq) < 16 and moderation.delete_message(room, int(seq)):
        return None
    return refused(request, Refusal("no-such", _("There is no such message.")))


@unlisted
@require_POST
def remove(request: HttpRequest, label: str) -> HttpResponse:
    """Of a double click the second answer is shown. There is no room by then, and to somebody that is no fault."""
    room = _held(request, label)
    if isinstance(room, Room):
        moderation.remove(room)
    elif room.code != "no-room" or wants_json(request):
        return refused(request, room)
    return JsonResponse({"ok": True}) if wants_json(request) else redirect("chat:landing")


@unlisted
@require_http_methods(["GET", "HEAD", "POST"])
def keys(request: HttpRequest, label: str, token: str) -> HttpResponse:
    """The owner's link. It asks first: a link may be opened by a preview, or by somebody who was sent it by mistake."""
    who = identity.recognise(request)
    room = Room.objects.filter(label=label).first()
    if room is None or not moderation.is_token(room, token):
        return refused(request, Refusal("no-such", _("This link opens no room; it may have been deleted.")))
    if request.method == "POST":
        moderation.take_keys(room, who)
        return _done(request, label)
    return render(request, "chat/keys.html", {"room": room, "label": label})


# -- for everybody


@unlisted
@require_POST
def handle(request: HttpRequest, label: str) -> HttpResponse:
    """Go by another handle in this room."""
    who = identity.recognise(request)
    want = limits.message(who.keys[0], who.address)
    try:
        entrance.look(label, who)
        room = Room.objects.filter(label=label).first()
        if room is None:
            return refused(request, _no_room())
        member = people.enter(room, who)
        changed = take_handle(member, request.POST.get("handle"), want)
    except BadHandle as bad:
        return refused(request, Refusal(bad.code, bad.text))
    except NotAdmitted as not_now:
        return refused(request, not_now.refusal)
    if changed:
        company.renamed(member)
    request.session["handle"] = member.handle
    return _done(request, label)


def _done(request: HttpRequest, label: str) -> HttpResponse:
    return JsonResponse({"ok": True}) if wants_json(request) else redirect("chat:room", label=label)


def _no_room() -> Refusal:
    return Refusal("no-room", _("There is no such room."))


def _is_on(request: HttpRequest, name: str) -> bool:
    return request.POST.get(name, "") in ("1", "on", "true")
