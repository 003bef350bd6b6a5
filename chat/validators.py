"""The limits of the protocol as validators, for forms and the admin."""

from __future__ import annotations

from django.core.exceptions import ValidationError

from chat import labels, protocol


def validate_handle(handle: str) -> None:
    _raise(protocol.handle_fault(handle))


def validate_body(body: str) -> None:
    _raise(protocol.body_fault(body))


def validate_not_reserved(label: str) -> None:
    if label in labels.RESERVED:
        raise ValidationError("“%(label)s” is not the name of a room.", code="reserved", params={"label": label})


def _raise(fault: protocol.Refusal | None) -> None:
    if fault is not None:
        raise ValidationError(fault.text, code=fault.code)
