"""The pages. A room is shown without being made: links are followed by crawlers and previews, too."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from chat import labels, protocol, services
from chat.forms import JoinForm, PostForm
from chat.models import Room


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    form = JoinForm(request.GET if "room" in request.GET else None)
    if form.is_valid():
        return redirect("chat:room", label=form.cleaned_data["room"])
    return render(request, "chat/landing.html", {"form": form}, status=400 if form.is_bound else 200)


@never_cache
@require_safe
def new_room(request: HttpRequest) -> HttpResponse:
    label = labels.new_label(lambda label: Room.objects.filter(label=label).exists())
    return redirect("chat:room", label=label)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def room(request: HttpRequest, label: str) -> HttpResponse:
    form = PostForm(request.POST or None)
    if form.is_valid():
        said = form.as_post()
        identity = services.identity_of(cid=said.cid, message_id="")
        try:
            services.post(label, said, identity=identity, user=request.user)
        except services.IdentityConflict:
            form.add_error("body", "This form was sent before, with another message. Send it once more.")
        else:
            request.session["handle"] = said.handle
            return redirect(f"{request.path}#end")
    return _room_page(request, label, form)


def _room_page(request: HttpRequest, label: str, form: PostForm) -> HttpResponse:
    # The number is read with the messages, so the socket's hello asks for exactly what came later.
    missed = services.missed(label, None)
    context = {
        "label": label,
        "room": Room.objects.filter(label=label).first() or Room(label=label),
        "lines": [message.as_line() for message in missed.messages],
        "last": missed.seq,
        "form": form,
        "cid": uuid.uuid4(),
        "handle": _handle(request, form),
        "link": request.build_absolute_uri(request.path),
        "limits": {"message": protocol.MESSAGE_LIMIT, "handle": protocol.HANDLE_LIMIT},
        "recent": services.RECENT,
    }
    return render(request, "chat/room.html", context, status=400 if form.is_bound else 200)


def _handle(request: HttpRequest, form: PostForm) -> str:
    """What to offer as a name: what was typed or used, the account's, or one made up."""
    if form.is_bound:
        return str(form.data.get("handle", ""))
    if request.user.is_authenticated:
        return request.user.get_username()[: protocol.HANDLE_LIMIT]
    return str(request.session.get("handle") or labels.new_handle())
