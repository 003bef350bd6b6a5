"""The pages. A room is shown without being made: links are followed by crawlers and previews, too."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from chat import (
    addresses,
    entrance,
    greeting,
    handles,
    identity,
    labels,
    limits,
    moderation,
    people,
    protocol,
    services,
)
from chat.admission import NotAdmitted, Speaker, slow_down
from chat.answers import refused, status_of, wants_json, with_wait
from chat.dialects import line_fields
from chat.forms import JoinForm, PostForm, SignUpForm
from chat.handles import BadHandle
from chat.identity import Who
from chat.models import Member, Room
from chat.naming import named
from chat.privacy import unlisted
from chat.protocol import Refusal
from chat.services import Posted

#: The most that a browser lets somebody type as a handle. It counts in UTF-16, of which a picture takes many; what is
#: too long for a reader the server says.
_HANDLE_UNITS = 2 * handles.CODE_POINT_LIMIT

ROBOTS = """\
User-agent: *
Disallow: /chat/
Disallow: /ws/
Disallow: /api/
Disallow: /accounts/
Disallow: /admin/
"""


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    form = JoinForm(request.GET if "room" in request.GET else None)
    if form.is_valid():
        return redirect("chat:room", label=form.cleaned_data["room"])
    return render(request, "chat/landing.html", {"form": form}, status=400 if form.is_bound else 200)


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    return HttpResponse(ROBOTS, content_type="text/plain")


@never_cache
@require_safe
def new_room(request: HttpRequest) -> HttpResponse:
    label = labels.new_label(lambda label: Room.objects.filter(label=label).exists())
    return redirect("chat:room", label=label)


@unlisted
@require_http_methods(["GET", "HEAD", "POST"])
def room(request: HttpRequest, label: str) -> HttpResponse:
    who = identity.recognise(request)
    form = PostForm(request.POST or None)
    refusal = None
    if form.is_valid():
        said = form.as_post()
        try:
            posted = say(label, who, said)
        except NotAdmitted as not_now:
            refusal = not_now.refusal
            form.add_error("body", refusal.text)
        else:
            request.session["handle"] = said.handle
            if wants_json(request):
                return JsonResponse(line_fields(posted.message.as_line()), status=200 if posted.duplicate else 201)
            return redirect(f"{request.path}#end")
    if form.is_bound and wants_json(request):
        return refused(request, refusal or first_fault(form))
    try:
        found = entrance.look(label, who)
    except NotAdmitted as not_now:
        return refused(request, not_now.refusal)
    response = render(request, "chat/room.html", _room_context(request, label, found, who, form))
    if form.is_bound:
        response.status_code = 400 if refusal is None else status_of(refusal)
    return response if refusal is None else with_wait(response, refusal)


def say(label: str, who: Who, said: protocol.Post) -> Posted:
    """What somebody says by HTTP. Raises ``NotAdmitted``, whatever it is that is wrong."""
    want = limits.message(who.keys[0] if who.keys else "", who.address)
    own_id = services.identity_of(cid=said.cid, message_id="")
    try:
        entered = entrance.enter(label, who)
        signature = named(entered.member or entered.room, said.handle, want)
        said = replace(said, handle=signature.handle)
        speaker = Speaker(want=want) if entered.member is None else Speaker.of(entered.member, want)
        return services.post(label, said, identity=own_id, user=who.user, by=speaker, fault=signature.fault)
    except BadHandle as bad:
        raise NotAdmitted(Refusal(bad.code, bad.text)) from None
    except services.IdentityConflict:
        text = _("This form was sent before, with another message. Send it once more.")
        raise NotAdmitted(Refusal("conflict", text)) from None


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without the right token. Hardly ever is that an attack: a login in another tab changes the token of all.
    What was written in the form is shown, to be taken along.
    """
    text = _("This page was out of date: your browser has logged in or out since. Nothing was sent or changed.")
    refusal = Refusal("forbidden", text)
    if wants_json(request):
        return refused(request, refusal)
    match = request.resolver_match
    label = match.kwargs.get("label") if match is not None else None
    back = reverse("chat:room", args=[label]) if label else request.path
    context = {"refusal": refusal, "back": back, "written": request.POST.get("body", "")}
    return render(request, "chat/refused.html", context, status=status_of(refusal))


def first_fault(form: Any) -> Refusal:
    """What is wrong with a form, as a nack says it."""
    [error, *_rest] = [error for errors in form.errors.as_data().values() for error in errors]
    return Refusal(str(error.code or "invalid"), " ".join(error.messages))


def _room_context(request: HttpRequest, label: str, room: Room | None, who: Who, form: PostForm) -> dict[str, Any]:
    before = _number(request.GET.get("before", ""))
    # The number is read with the messages, so the socket's hello asks for exactly what came later.
    missed = services.missed(label, None)
    shown = missed.messages if before is None else services.before(label, before, limit=services.RECENT)
    room = room or Room(label=label)
    member = entrance.member_of(room, who) if room.pk else None
    keys = member is not None and member.keys
    return {
        "label": label,
        "room": room,
        "about": greeting.about(room),
        "lines": [message.as_line() for message in shown],
        "last": missed.seq,
        "before": before,
        "older": shown[0].seq if shown and shown[0].seq > 1 + room.pruned_seq else None,
        "form": form,
        "cid": uuid.uuid4(),
        "handle": _handle(request, form, member),
        "you": people.as_person(member) if member is not None else None,
        "people": people.listed(room) if room.pk else [],
        "count": people.count(room) if room.pk else 0,
        "keys": keys,
        "moderates": bool(room.pk) and moderation.may_moderate(member, request.user),
        "owner_link": request.build_absolute_uri(_owner_link(room)) if keys else None,
        "link": request.build_absolute_uri(request.path),
        "limits": {"message": protocol.MESSAGE_LIMIT, "handle": _HANDLE_UNITS, "burst": greeting.burst()},
        "retention": greeting.retention_days(),
        "recent": services.RECENT,
    }


def _owner_link(room: Room) -> str:
    return reverse("chat:keys", args=[room.label, moderation.token(room)])


def _handle(request: HttpRequest, form: PostForm, member: Member | None) -> str:
    """What to offer as a name: what was typed or used, the account's, or one made up."""
    if form.is_bound:
        return str(form.data.get("handle", ""))
    if member is not None and member.handle:
        return member.handle
    name = request.user.get_username() if request.user.is_authenticated else request.session.get("handle")
    try:
        return handles.read(name)
    except BadHandle:  # nobody yet, or an account from elsewhere whose name is no handle
        return labels.new_handle()


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


# -- accounts


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    """An account for whoever wants one; they are logged in, and back where they came from."""
    onward = request.POST.get("next") or request.GET.get("next") or "/"
    if not url_has_allowed_host_and_scheme(onward, {request.get_host()}, require_https=request.is_secure()):
        onward = "/"
    if request.user.is_authenticated:
        return redirect(onward)
    form = SignUpForm(request.POST or None)
    if form.is_valid():
        wait = limits.spend_one(limits.account_made(addresses.of_request(request)))
        if wait:
            return refused(request, slow_down(wait))
    if user := form.save_once():
        login(request, user)
        return redirect(onward)
    context = {"form": form, "next": onward}
    return render(request, "registration/signup.html", context, status=400 if form.is_bound else 200)
