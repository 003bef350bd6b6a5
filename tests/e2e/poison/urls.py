"""A view that never comes back, and one that does."""

from __future__ import annotations

import threading

from django.http import HttpRequest, HttpResponse
from django.urls import path


def hang(request: HttpRequest) -> HttpResponse:
    threading.Event().wait()
    return HttpResponse("never")


def quick(request: HttpRequest) -> HttpResponse:
    return HttpResponse("quick")


urlpatterns = [path("hang/", hang, name="hang"), path("quick/", quick)]
