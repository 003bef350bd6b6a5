from __future__ import annotations

from datetime import datetime

from django import template

from chat import dialects, handles

register = template.Library()

#: As many as the style sheet has colours for handles.
HUES = 8


@register.filter
def hue(handle: str) -> int:
    """The colour of a handle. ``static/chat/line.js`` reckons the same."""
    mixed = 0x811C9DC5
    for char in handle:  # FNV-1a: names that differ little are to look different
        mixed = (mixed ^ ord(char)) * 0x01000193 & 0xFFFFFFFF
    return (mixed ^ mixed >> 8 ^ mixed >> 16) % HUES


@register.filter
def initial(handle: str) -> str:
    """What a seal shows."""
    return handles.initial(handle)


@register.filter
def iso(at: datetime) -> str:
    return dialects.iso_time(at)


@register.filter
def short(at: datetime) -> str:
    return dialects.short_time(at)
