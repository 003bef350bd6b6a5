"""What has to be done once for each version of the code: the database's tables, the static files."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import CommandError, call_command
from django.db import connection

from project.run.refusal import Refusal

__all__ = ["prepare"]


def prepare() -> None:
    """Check the project, migrate, collect static files. Refusal where the system checks find an error."""
    try:
        call_command("check", stdout=io.StringIO())  # what it finds goes to standard error
        call_command("migrate", interactive=False, verbosity=0)
    except CommandError as error:
        raise Refusal(str(error)) from None
    finally:
        connection.close()  # this process stays; its connection need not
    collect_static_files(Path(settings.STATIC_ROOT))


def collect_static_files(root: Path) -> None:
    """Collect where something changed since the last time: hashing and compressing takes longer than all the rest."""
    stamp, now = root / ".collected", _fingerprint()
    if stamp.exists() and stamp.read_text() == now:
        return
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(now)


def _fingerprint() -> str:
    found = hashlib.sha256(repr(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            stat = Path(storage.path(path)).stat()
            found.update(f"{path} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return found.hexdigest()
