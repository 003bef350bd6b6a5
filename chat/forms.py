from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from chat import labels, protocol
from chat.validators import validate_body, validate_handle


class JoinForm(forms.Form):
    """Which room somebody wants to go to: its name or the whole link."""

    room = forms.CharField(max_length=500)

    def clean_room(self) -> str:
        label = labels.label_from(self.cleaned_data["room"])
        if not labels.is_label(label):
            raise ValidationError("A room's name has up to 50 letters, digits, hyphens and underscores.")
        return label


class PostForm(forms.Form):
    """A message sent without JavaScript."""

    handle = forms.CharField(max_length=protocol.HANDLE_LIMIT, validators=[validate_handle])
    body = forms.CharField(strip=False, validators=[validate_body])
    cid = forms.UUIDField()

    def clean_body(self) -> str:
        # A form submits line breaks as CRLF, whatever was typed.
        return str(self.cleaned_data["body"]).replace("\r\n", "\n")

    def as_post(self) -> protocol.Post:
        data: dict[str, Any] = self.cleaned_data
        return protocol.Post(data["handle"], data["body"], str(data["cid"]))
