"""``/healthz``: whether a request gets through an interface, Redis and a worker to the database.

A consumer of ``http.request`` of our own: no middleware, no session, no view.
"""

from __future__ import annotations

import json

from django.db import DatabaseError, connection

from switchboard import Message


def healthz(message: Message) -> None:
    database = _database_answers()
    status = 200 if database else 503
    body = json.dumps({"status": "ok" if database else "failing", "database": database})
    assert message.reply_channel is not None
    message.reply_channel.send(
        {
            "status": status,
            "headers": [[b"content-type", b"application/json"], [b"cache-control", b"no-store"]],
            "content": body.encode(),
        }
    )


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True
