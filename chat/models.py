"""Rooms and their messages.

A room counts its messages: ``Message.seq`` is 1, 2, 3 … without holes, in the order in which they were committed, since
the number is drawn under the lock of the room's row. A message that is deleted takes its number with it.

``Message.identity`` says where a message came from, so that the same one is never stored twice; see ``chat.services``.

A room also knows the sockets that are in it; see ``chat.presence``.
"""

from __future__ import annotations

import uuid
from typing import Any, cast

from django.conf import settings
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models, transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from chat import labels, protocol
from chat.validators import validate_body, validate_handle, validate_not_reserved

#: Longer than any identity: a prefix of two characters and a client's id or a channel message's.
IDENTITY_LIMIT = 100
#: Switchboard's names of channels are shorter, and so is a person's key.
NAME_LIMIT = 100


class Room(models.Model):
    name = models.CharField(max_length=100, blank=True, help_text="What people call it; the label where empty.")
    label = models.CharField(
        max_length=labels.LABEL_LIMIT,
        unique=True,
        validators=[RegexValidator(rf"\A{labels.LABEL_PATTERN}\Z"), validate_not_reserved],
        help_text="The room's place in its link, /chat/<label>/.",
    )
    last_seq = models.PositiveBigIntegerField(default=0, editable=False)
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-created"]
        constraints = [
            models.CheckConstraint(name="chat_room_label_not_blank", condition=~Q(label="")),
            models.CheckConstraint(
                name="chat_room_label_not_reserved", condition=~Q(label__in=sorted(labels.RESERVED))
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.label

    def get_absolute_url(self) -> str:
        return reverse("chat:room", args=[self.label])

    def next_seq(self) -> int:
        """Count one message. Locks the room's row until the transaction ends; call it inside one."""
        Room.objects.filter(pk=self.pk).update(last_seq=F("last_seq") + 1)
        self.refresh_from_db(fields=["last_seq"])
        return self.last_seq


class Message(models.Model):
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="messages")
    handle = models.CharField(max_length=protocol.HANDLE_LIMIT, validators=[validate_handle])
    message = models.TextField(validators=[validate_body])
    timestamp = models.DateTimeField(default=timezone.now, db_index=True)
    seq = models.PositiveBigIntegerField(editable=False, validators=[MinValueValidator(1)])
    identity = models.CharField(max_length=IDENTITY_LIMIT, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["room", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["room", "seq"], name="chat_message_seq_unique"),
            models.UniqueConstraint(fields=["room", "identity"], name="chat_message_identity_unique"),
            models.CheckConstraint(name="chat_message_seq_positive", condition=Q(seq__gte=1)),
            models.CheckConstraint(name="chat_message_handle_not_blank", condition=~Q(handle="")),
            models.CheckConstraint(name="chat_message_not_blank", condition=~Q(message="")),
            models.CheckConstraint(name="chat_message_identity_not_blank", condition=~Q(identity="")),
        ]

    def __str__(self) -> str:
        return f"{self.handle}: {self.message[:50]}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store it. A new message without a number or an identity gets both, wherever it was made."""
        if not self.identity:
            self.identity = f"x:{uuid.uuid4()}"
        with transaction.atomic():
            if cast("int | None", self.seq) is None:
                self.seq = self.room.next_seq()
            super().save(*args, **kwargs)

    def as_line(self) -> protocol.Line:
        """This message for the dialects. Reads the user's row unless it is loaded."""
        return protocol.Line(
            seq=self.seq,
            id=self.pk,
            handle=self.handle,
            body=self.message,
            at=self.timestamp,
            cid=self.identity.removeprefix("c:") if self.identity.startswith("c:") else None,
            user=self.user.get_username() if self.user is not None else None,
        )


class Connection(models.Model):
    """A socket that is in a room. The same person may have several."""

    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="connections")
    reply_channel = models.CharField(max_length=NAME_LIMIT, unique=True)
    interface = models.CharField(max_length=NAME_LIMIT, db_index=True)
    person = models.CharField(max_length=NAME_LIMIT)
    handle = models.CharField(max_length=protocol.HANDLE_LIMIT, blank=True, help_text="The one used last.")
    since = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["since"]

    def __str__(self) -> str:
        return self.handle or self.reply_channel
