"""Rooms, their messages and their people.

A room counts its messages: ``Message.seq`` is 1, 2, 3 … without holes, in the order in which they were committed, since
the number is drawn under the lock of the room's row. A message that is deleted stays as a *tombstone*: its number and
its identity, nothing of what was said or by whom. Only retention removes rows, oldest first, up to ``Room.pruned_seq``.

``Message.identity`` says where a message came from, so that the same one is never stored twice; see ``chat.services``.

A ``Member`` is what one room knows of one person, and a ``Connection`` one of their sockets; see ``chat.people`` and
``chat.presence``. Nothing here has an address in clear but ``Ban``, which an operator writes.

Columns that came later have a default in the database too, for workers of the code before are still writing rows while
the new ones start.
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

from chat import handles, labels, protocol
from chat.validators import validate_body, validate_handle, validate_network, validate_not_reserved

#: Longer than any identity: a prefix of two characters and a client's id or a channel message's.
IDENTITY_LIMIT = 100
#: Switchboard's names of channels are shorter.
NAME_LIMIT = 100
#: A person's id in a room; see ``chat.identity``.
PERSON_LIMIT = 32
TOPIC_LIMIT = 200


class Room(models.Model):
    name = models.CharField(max_length=100, blank=True, help_text="What people call it; the label where empty.")
    label = models.CharField(
        max_length=labels.LABEL_LIMIT,
        unique=True,
        validators=[RegexValidator(rf"\A{labels.LABEL_PATTERN}\Z"), validate_not_reserved],
        help_text="The room's place in its link, /chat/<label>/.",
    )
    topic = models.CharField(max_length=TOPIC_LIMIT, blank=True, default="", db_default="")
    locked = models.BooleanField(default=False, db_default=False, help_text="Only who holds the room's keys may write.")
    dialects = models.CharField(
        max_length=100,
        blank=True,
        default="v1",
        db_default="",
        editable=False,
        help_text="Those in which the room is told of messages: the page's, and what else was spoken. All if empty.",
    )
    last_seq = models.PositiveBigIntegerField(default=0, editable=False)
    pruned_seq = models.PositiveBigIntegerField(
        default=0, db_default=0, editable=False, help_text="Messages up to this number are removed for their age."
    )
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
    # Without an index of its own: those below begin with the room, and each costs a page of the disk for each message.
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="messages", db_index=False)
    handle = models.CharField(max_length=handles.CODE_POINT_LIMIT, validators=[validate_handle])
    message = models.TextField(validators=[validate_body])
    timestamp = models.DateTimeField(default=timezone.now, db_index=True)
    seq = models.PositiveBigIntegerField(editable=False, validators=[MinValueValidator(1)])
    identity = models.CharField(max_length=IDENTITY_LIMIT, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    person = models.CharField(max_length=PERSON_LIMIT, blank=True, default="", db_default="", editable=False)
    deleted = models.BooleanField(default=False, db_default=False, editable=False)

    class Meta:
        ordering = ["room", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["room", "seq"], name="chat_message_seq_unique"),
            models.UniqueConstraint(fields=["room", "identity"], name="chat_message_identity_unique"),
            models.CheckConstraint(name="chat_message_seq_positive", condition=Q(seq__gte=1)),
            models.CheckConstraint(name="chat_message_handle_not_blank", condition=Q(deleted=True) | ~Q(handle="")),
            models.CheckConstraint(name="chat_message_not_blank", condition=Q(deleted=True) | ~Q(message="")),
            models.CheckConstraint(
                name="chat_message_tombstone_empty",
                condition=Q(deleted=False) | Q(handle="", message="", person="", user=None),
            ),
            models.CheckConstraint(name="chat_message_identity_not_blank", condition=~Q(identity="")),
        ]

    def __str__(self) -> str:
        return f"{self.handle}: {self.message[:50]}" if not self.deleted else f"#{self.seq}, deleted"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store it. A new message without a number or an identity gets both, wherever it was made."""
        if not self.identity:
            self.identity = f"x:{uuid.uuid4()}"
        with transaction.atomic():
            if cast("int | None", self.seq) is None:
                self.seq = self.room.next_seq()
            super().save(*args, **kwargs)

    def bury(self) -> None:
        """Make it a tombstone. ``chat.moderation`` tells the room."""
        self.handle = self.message = self.person = ""
        self.user = None
        self.deleted = True
        self.save(update_fields=["handle", "message", "person", "user", "deleted"])

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
            person=self.person or None,
            deleted=self.deleted,
        )


class Member(models.Model):
    """What a room knows of a person: one row, whatever the number of their sockets."""

    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="members", db_index=False)  # see Message
    person = models.CharField(max_length=PERSON_LIMIT, editable=False)
    handle = models.CharField(max_length=handles.CODE_POINT_LIMIT, blank=True, validators=[validate_handle])
    handle_key = models.CharField(max_length=2 * handles.CODE_POINT_LIMIT, blank=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="+", editable=False
    )
    here = models.BooleanField(default=False, editable=False)
    passing = models.BooleanField(
        default=False, editable=False, help_text="Known by one socket only: uses a handle, and does not own it."
    )
    keys = models.BooleanField(default=False, help_text="May lock, mute, delete, and name the room's topic.")
    muted = models.BooleanField(default=False, help_text="May read and not write.")
    banned = models.BooleanField(default=False, help_text="May not come in.")
    seen = models.DateTimeField(default=timezone.now, db_index=True, editable=False)

    class Meta:
        ordering = ["room", "handle_key"]
        constraints = [
            models.UniqueConstraint(fields=["room", "person"], name="chat_member_unique"),
            models.UniqueConstraint(
                fields=["room", "handle_key"],
                condition=Q(here=True, passing=False) & ~Q(handle_key=""),
                name="chat_member_owns_handle",
            ),
        ]
        indexes = [models.Index(fields=["room", "handle_key"], condition=Q(here=True), name="chat_member_here")]

    def __str__(self) -> str:
        return self.handle or self.person


class Connection(models.Model):
    """A socket that is in a room. The same person may have several."""

    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="connections")
    reply_channel = models.CharField(max_length=NAME_LIMIT, unique=True)
    interface = models.CharField(max_length=NAME_LIMIT, db_index=True)
    member = models.ForeignKey(Member, on_delete=models.CASCADE, null=True, related_name="connections")
    browser = models.CharField(
        max_length=PERSON_LIMIT,
        blank=True,
        default="",
        db_default="",
        db_index=True,
        help_text="What the sockets of one browser share, whoever is logged in.",
    )
    dialect = models.CharField(max_length=20, blank=True, default="", db_default="")
    since = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["since"]

    def __str__(self) -> str:
        return self.reply_channel


class Account(models.Model):
    """The handle that belongs to somebody who can log in: nobody else may have it, whether they are here or not."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="chat_account")
    handle_key = models.CharField(max_length=2 * handles.CODE_POINT_LIMIT, unique=True)

    def __str__(self) -> str:
        return self.handle_key


class Ban(models.Model):
    """Addresses from which nobody may come in. The only place where addresses are kept."""

    network = models.CharField(
        max_length=50, validators=[validate_network], help_text="An address, or a network as 203.0.113.0/24."
    )
    room = models.ForeignKey(Room, on_delete=models.CASCADE, null=True, blank=True, help_text="All rooms where empty.")
    until = models.DateTimeField(null=True, blank=True, help_text="For ever where empty.")
    note = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.network


class Allowance(models.Model):
    """A bucket of ``chat.limits``: when it will be full again, in seconds since 1970."""

    key = models.CharField(max_length=64, primary_key=True)
    full_at = models.FloatField(db_index=True)

    def __str__(self) -> str:
        return self.key
