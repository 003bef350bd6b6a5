from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth import authenticate
from django.contrib.auth.forms import UserCreationForm
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from chat import claims, handles, labels, protocol
from chat.validators import validate_body

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    _UserForm = UserCreationForm[User]
else:
    _UserForm = UserCreationForm


class JoinForm(forms.Form):
    """Which room somebody wants to go to: its name or the whole link."""

    room = forms.CharField(max_length=500)

    def clean_room(self) -> str:
        label = labels.label_from(self.cleaned_data["room"])
        if not labels.is_label(label):
            raise ValidationError(_("A room's name has up to 50 letters, digits, hyphens and underscores."))
        return label


class PostForm(forms.Form):
    """A message sent without JavaScript."""

    handle = forms.CharField()
    body = forms.CharField(strip=False, validators=[validate_body])
    cid = forms.UUIDField()

    def clean_handle(self) -> str:
        return _handle(self.cleaned_data["handle"])

    def clean_body(self) -> str:
        # A form submits line breaks as CRLF, whatever was typed.
        return str(self.cleaned_data["body"]).replace("\r\n", "\n")

    def as_post(self) -> protocol.Post:
        data: dict[str, Any] = self.cleaned_data
        return protocol.Post(data["handle"], data["body"], str(data["cid"]))


class SignUpForm(_UserForm):
    """A name that is a handle, and a password."""

    def clean_username(self) -> str:
        name = _handle(super().clean_username())
        if not claims.is_free_account(name):
            raise ValidationError(_("This name is taken."), code="taken")
        return name

    def save_once(self) -> User | None:
        """The account: a new one, or the one that the same form has made already. A double click sends it twice, and
        the second answer is the one that is shown. None if something is wrong, which ``errors`` has then."""
        if self.is_valid():
            try:
                with transaction.atomic():
                    return self.save()
            except IntegrityError:  # this very moment
                self.add_error("username", ValidationError(_("This name is taken."), code="taken"))
        if set(self.errors) != {"username"}:
            return None
        given = {"username": self.data.get("username"), "password": self.data.get("password1")}
        return authenticate(**given) if all(given.values()) else None


def _handle(value: object) -> str:
    try:
        return handles.read(value)
    except handles.BadHandle as bad:
        raise ValidationError(bad.text, code=bad.code) from None
