from __future__ import annotations

from datetime import datetime

from django import template

from chat import dialects

register = template.Library()

#: As many as the style sheet has colours for handles.
HUES = 8


@register.filter
def hue(handle: str) -> int:
    """The colour of a handle. ``static/chat/log.js`` reckons the same."""
    return sum(map(ord, handle)) % HUES


@register.filter
def iso(at: datetime) -> str:
    return dialects.iso_time(at)


@register.filter
def short(at: datetime) -> str:
    return dialects.short_time(at)
