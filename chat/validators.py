"""The limits of the protocol as validators, for forms and the admin."""

from __future__ import annotations

from ipaddress import ip_network

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from chat import handles, labels, protocol


def validate_handle(handle: str) -> None:
    try:
        handles.read(handle)
    except handles.BadHandle as bad:
        raise ValidationError(bad.text, code=bad.code) from None


def validate_body(body: str) -> None:
    fault = protocol.body_fault(body)
    if fault is not None:
        raise ValidationError(fault.text, code=fault.code)


def validate_network(network: str) -> None:
    try:
        ip_network(network, strict=False)
    except ValueError:
        raise ValidationError(_("This is no address and no network.")) from None


def validate_not_reserved(label: str) -> None:
    if label in labels.RESERVED:
        raise ValidationError(_("“%(label)s” is not the name of a room."), code="reserved", params={"label": label})
