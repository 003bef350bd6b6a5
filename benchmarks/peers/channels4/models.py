from __future__ import annotations

from django.db import models


class Message(models.Model):
    room = models.CharField(max_length=50, db_index=True)
    handle = models.CharField(max_length=32)
    message = models.TextField()
    timestamp = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.handle}: {self.message[:50]}"
